"""Questions about one video file: the same extraction, features and model as in the stages, without their tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch

from codecsense.audio.branch import AudioEncoder
from codecsense.clips import Clips, Features, encode_sound, encode_tower, moments, sound_bounds
from codecsense.codecs.settings import AuditConfig
from codecsense.evaluation.answering import first_words
from codecsense.model import CodecSense
from codecsense.rewards import answer
from codecsense.streams import VideoStreams
from codecsense.streams.extraction import extract_one
from codecsense.streams.settings import ExtractConfig
from codecsense.texts import Encoder
from codecsense.two_stage import Asked, Cache, Meter, TwoStage, reason, summarise


class Settings(NamedTuple):
    """The sections of params.yaml that decide what the model is shown, and how it may answer."""

    audit: AuditConfig
    extract: ExtractConfig
    two_stage: TwoStage


class Answer(NamedTuple):
    """What the model answers; in two stages also what it saw and heard, and its whole reply."""

    answer: str
    seen: str
    heard: str
    reply: str


class Video:
    """One extracted video, read as a store of shards is."""

    def __init__(self, name: str, streams: VideoStreams) -> None:
        self.index = pl.DataFrame({"video_id": [name]})
        self.streams = streams

    def get(self, name: str, video_id: str) -> np.ndarray:
        """One array of the video."""
        array: np.ndarray = getattr(self.streams, name)
        return array

    def stack(self, name: str, video_ids: list[str]) -> np.ndarray:
        """One array of the video, as the only one of its stack."""
        return self.get(name, video_ids[0])[None]


def ask(
    model: CodecSense,
    encoder: AudioEncoder,
    video: Path,
    questions: Sequence[str],
    *,
    settings: Settings,
    in_two_stages: bool,
    cache: Cache | None = None,
    meter: Meter | None = None,
) -> list[Answer]:
    """Ask a trained model about a video file of any codec, all questions at once.

    `encoder` is the frozen one it has learned to hear with. A file without sound is heard as silence.
    """
    if in_two_stages and model.audio is None:
        raise ValueError("this model does not hear, so it cannot answer in two stages; leave --two-stage out")
    extracted = extract_one(video, settings.audit, settings.extract)
    shown = Video(video.name, extracted.streams)
    clips = Clips([video.name], _encode(model, encoder, shown), shown, looked_at=model.settings.adapter.looks)
    if clips.shapes != model.shapes:
        raise ValueError(
            f"the model was trained on {model.shapes}, section `extract` gives {clips.shapes}; use its own"
        )
    if not in_two_stages:
        encode = Encoder(model.host.tokenizer)
        words = first_words(model, clips, torch.tensor([0]), [[encode(question) for question in questions]])
        return [Answer(word, "", "", "") for word in words]
    asked = [Asked(0, question) for question in questions]
    told = summarise(model, clips, asked, settings.two_stage, cache=cache, meter=meter)
    replies = reason(model, clips, asked, told, settings.two_stage, meter=meter)
    return [Answer(answer(reply), *summary, reply) for reply, summary in zip(replies, told, strict=True)]


def _encode(model: CodecSense, encoder: AudioEncoder, shown: Video) -> Features:
    name = shown.index["video_id"].to_list()
    tower = encode_tower(model.host, moments(shown, name))
    bounds = sound_bounds(shown, name[0], states_per_s=encoder.states_per_s)
    mel = torch.from_numpy(shown.stack("mel", name))
    pieces = model.settings.audio.pieces
    sound = encode_sound(encoder, mel, bounds=bounds, pieces=pieces)
    return Features.of(tower, sound, host_width=model.host.width)
