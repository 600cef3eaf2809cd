"""Pre-training of the tiny host, which stands in for a pre-trained one: it sees things, hears, and reads.

Three lessons, each resumable. Afterwards tower, audio encoder and language model are frozen, as in the papers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl
import torch

from codecsense.audio.branch import AudioConfig, AudioEncoder
from codecsense.clips import encode_tower, sound_bounds
from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.sequence import Layout
from codecsense.streams.store import StreamStore
from codecsense.texts import by_clip, clips_of
from codecsense.training.hearing import sound_labels, teach_hearing
from codecsense.training.lessons import LessonConfig, Teaching
from codecsense.training.placed_facts import of_clips
from codecsense.training.reading import Reading, ReadingConfig, teach_reading
from codecsense.training.seeing import cell_labels, teach_seeing
from codecsense.world.questions import CELLS

Curves = dict[str, list[dict[str, float]]]


class Lessons(Config):
    """Section `host` of params.yaml."""

    seeing: LessonConfig
    hearing: LessonConfig
    reading: ReadingConfig
    sound_tokens: int  # per interval, while reading
    save_every_s: float


class Tables(NamedTuple):
    """Scripts and texts of the world."""

    facts: pl.DataFrame
    sounds: pl.DataFrame
    questions: pl.DataFrame
    captions: pl.DataFrame
    rationales: pl.DataFrame


def pretrain(
    host: Host,
    encoder: AudioEncoder,
    store: StreamStore,
    tables: Tables,
    lessons: Lessons,
    teaching: Teaching,
    *,
    audio: AudioConfig,
    motion_tokens: int,
) -> Curves:
    """Teach `host` and `encoder` in place; returns the curve of every lesson."""
    train, validation = clips_of(tables.captions, "train"), clips_of(tables.captions, "validation")
    curves = {"seeing": _see(host, store, tables, train, lessons, teaching)}
    curves["hearing"] = _hear(encoder, store, tables, train, lessons, teaching, audio)
    tower = {split: _anchors(host, store, ids) for split, ids in {"train": train, "validation": validation}.items()}
    anchors, patches = store.stack("anchors", train[:1]).shape[1], tower["train"].shape[2]
    layout = Layout(
        anchors=anchors,
        grid=round(patches**0.5),
        motion_tokens=motion_tokens,
        audio_tokens=lessons.sound_tokens,
    )
    reading = {
        split: _reading(host, tables, ids, tower[split])
        for split, ids in {"train": train, "validation": validation}.items()
    }
    curves["reading"] = teach_reading(host, reading["train"], reading["validation"], layout, lessons.reading, teaching)
    return curves


def _see(
    host: Host, store: StreamStore, tables: Tables, ids: Sequence[str], lessons: Lessons, teaching: Teaching
) -> list[dict[str, float]]:
    pictures = torch.from_numpy(store.stack("anchors", list(ids))).flatten(0, 1)
    labels = cell_labels(ids, tables.facts, cells=len(CELLS)).flatten(0, 1)
    return teach_seeing(host, pictures, labels, lessons.seeing, teaching, cell_names=CELLS)


def _hear(
    encoder: AudioEncoder,
    store: StreamStore,
    tables: Tables,
    ids: Sequence[str],
    lessons: Lessons,
    teaching: Teaching,
    audio: AudioConfig,
) -> list[dict[str, float]]:
    mel = torch.from_numpy(store.stack("mel", list(ids)))
    bounds = sound_bounds(store, ids[0], states_per_s=encoder.states_per_s)
    heard = sound_labels(ids, tables.sounds)
    return teach_hearing(encoder, mel, heard, lessons.hearing, teaching, bounds=bounds, pieces=audio.pieces)


def _anchors(host: Host, store: StreamStore, ids: Sequence[str]) -> torch.Tensor:
    return encode_tower(host, torch.from_numpy(store.stack("anchors", list(ids))), label="host: anchors")


def _reading(host: Host, tables: Tables, ids: Sequence[str], tower: torch.Tensor) -> Reading:
    texts = by_clip(
        host.tokenizer, ids, questions=tables.questions, captions=tables.captions, rationales=tables.rationales
    )
    placed = of_clips(host.tokenizer, ids, tables.facts, tables.sounds, cells=tower.shape[2])
    return Reading(texts, tower.flatten(1, 2), placed)
