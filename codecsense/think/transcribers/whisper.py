"""Whisper through transformers: its own way through long sound, window after window, with its own timestamps [1].

References:
    [1] Radford et al., Robust speech recognition via large-scale weak supervision, arXiv 2212.04356, section 3.8.
"""

import itertools
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from jaxtyping import Float32
from pydantic import PositiveFloat

from codecsense.think.transcribers import Cue, Transcriber, TranscriberConfig

RATE_HZ = 16000


class Settings(TranscriberConfig):
    """Which weights, and how much sound."""

    name: Literal["whisper"]
    weights: str  # a hub id such as openai/whisper-large-v3, or a local folder
    device: str
    most_s: PositiveFloat  # of a video's sound; more is left out

    def build(self) -> "Whisper":
        """The transcriber, its weights loaded."""
        from transformers import pipeline

        recogniser = pipeline("automatic-speech-recognition", model=self.weights, device=self.device)
        return Whisper(self, recogniser)


class Whisper(Transcriber):
    """Hears speech."""

    def __init__(self, settings: Settings, recogniser: Any) -> None:
        self.settings, self.recogniser = settings, recogniser

    def hear(self, video: Path) -> list[Cue]:
        """What Whisper makes of the first audio stream; ValueError where it cannot be decoded."""
        heard = waveform(video, round(self.settings.most_s * RATE_HZ))
        if not heard.size:
            return []
        given = {"raw": heard, "sampling_rate": RATE_HZ}
        told = self.recogniser(given, return_timestamps=True)
        end_s = len(heard) / RATE_HZ
        return [cue for chunk in told["chunks"] if (cue := _cue(chunk, end_s)).text]


def waveform(video: Path, most_samples: int) -> Float32[np.ndarray, " samples"]:
    """The beginning of the first audio stream, one channel at 16 kHz; empty where there is none.

    Not the reader of `streams`, which steps over damage: what is transcribed for training should be whole.
    """
    try:
        with av.open(str(video)) as container:
            pieces = _pieces(container, most_samples) if container.streams.audio else []
    except av.FFmpegError as error:
        raise ValueError(f"{video}: the sound cannot be decoded: {error}") from None
    return np.concatenate([np.zeros(0, np.float32), *pieces])[:most_samples]


def _pieces(container: "av.container.InputContainer", most_samples: int) -> list[np.ndarray]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    pieces: list[np.ndarray] = []
    for frame in itertools.chain(container.decode(audio=0), [None]):
        pieces += [out.to_ndarray().reshape(-1) for out in resampler.resample(frame)]
        if sum(map(len, pieces)) >= most_samples:
            break
    return pieces


def _cue(chunk: dict[str, Any], end_s: float) -> Cue:
    """A window may end within a sentence: then Whisper names no end, and the sound's own is taken."""
    start, end = chunk["timestamp"]
    start_s = min(start or 0.0, end_s)
    return Cue(start_s, max(start_s, end_s if end is None else end), " ".join(chunk["text"].split()))
