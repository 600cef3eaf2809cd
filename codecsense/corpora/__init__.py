"""Corpora of the field in and out: LLaVA-Video, LLaMA-Factory, ms-swift, Video-R1; one canonical table inside.

Reading and writing lose nothing. What has a column of `schemas.conversations` is the same whichever format it came
in; a field nobody knows is kept in `extra` and travels along; how the source spelled things is kept in `layout`, and
the source's own format writes it back as it was. What a format cannot hold is refused, never left out.

Files come from strangers: a path that is absolute, climbs out with `..` or is a URL is refused when read and when
written. One file of `formats/` per format, with `read(path)` and `write(samples, path)`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from codecsense.config import variants
from codecsense.schemas import conversations, from_rows
from codecsense.schemas.conversations import Conversations

FOLDER = "codecsense.corpora.formats"
TABLE = "table"  # the canonical one, as parquet
PLACEHOLDERS = {"image": "<image>", "video": "<video>", "audio": "<audio>"}


class Turn(NamedTuple):
    """Who speaks, and what."""

    role: str
    text: str


class Medium(NamedTuple):
    """A file that is spoken of."""

    kind: str
    path: str  # within the data root


class Sample(NamedTuple):
    """One conversation; a placeholder in its texts for every medium, in the order of `media`."""

    sample_id: str
    turns: tuple[Turn, ...]
    media: tuple[Medium, ...]
    extra: dict[str, Any]
    layout: dict[str, Any]


class Format(NamedTuple):
    """How one format is read and written."""

    name: str
    read: Callable[[Path], list[Sample]]
    write: Callable[[Sequence[Sample], Path], None]


def find(name: str) -> Format:
    """The format of that name; ValueError with the known ones if there is none."""
    if name == TABLE:
        return Format(name, lambda path: from_table(conversations.read(path)), _write_table)
    if name not in variants(FOLDER):
        raise ValueError(f"no format `{name}`; there are: {', '.join([*variants(FOLDER), TABLE])}")
    module = import_module(f"{FOLDER}.{name}")
    return Format(name, module.read, module.write)


def to_table(samples: Iterable[Sample]) -> pl.DataFrame:
    """Samples as the table `conversations`."""
    rows = [
        {
            "sample_id": sample.sample_id,
            "roles": [turn.role for turn in sample.turns],
            "texts": [turn.text for turn in sample.turns],
            "media_kinds": [medium.kind for medium in sample.media],
            "media_paths": [medium.path for medium in sample.media],
            "extra": json.dumps(sample.extra, ensure_ascii=False),
            "layout": json.dumps(sample.layout, ensure_ascii=False),
        }
        for sample in samples
    ]
    return from_rows(Conversations, rows)


def from_table(table: pl.DataFrame) -> list[Sample]:
    """The samples of the table `conversations`."""
    return [
        Sample(
            sample_id=row["sample_id"],
            turns=tuple(Turn(*turn) for turn in zip(row["roles"], row["texts"], strict=True)),
            media=tuple(Medium(*medium) for medium in zip(row["media_kinds"], row["media_paths"], strict=True)),
            extra=json.loads(row["extra"]),
            layout=json.loads(row["layout"]),
        )
        for row in table.iter_rows(named=True)
    ]


def _write_table(samples: Sequence[Sample], path: Path) -> None:
    conversations.write(to_table(samples), path)
