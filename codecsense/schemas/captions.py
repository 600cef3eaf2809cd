"""Descriptions of single intervals, one per modality: what the model is taught to say of what it perceives."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table
from codecsense.schemas.facts import NUM_INTERVALS, SPLITS

MADE_BY = "dataset"
SPACED_WORDS = r"^[a-z0-9_;]+( [a-z0-9_;]+)*$"


class Captions(Table):
    """One row per clip, interval and modality; words are lower-case and parted by single spaces."""

    clip_id: Column[str]
    split: Column[str] = pa.Field(isin=SPLITS)
    interval: Column[int] = pa.Field(ge=0, lt=NUM_INTERVALS)
    modality: Column[str] = pa.Field(isin=["visual", "audio"])
    text: Column[str] = pa.Field(str_matches=SPACED_WORDS)

    class Config(Table.Config):
        unique: ClassVar = ["clip_id", "interval", "modality"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The captions in `path`, checked."""
    return read_table(Captions, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the captions and write them to `path`."""
    write_table(Captions, frame, path, stage=stage)
