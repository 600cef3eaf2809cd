"""What is truly heard in the micro world's clips: one pitch and a number of beeps per interval."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table
from codecsense.schemas.facts import NUM_INTERVALS, SPLITS

MADE_BY = "world"


class Sounds(Table):
    """One row per clip and interval; within a clip each pitch is heard in exactly one interval."""

    clip_id: Column[str]
    split: Column[str] = pa.Field(isin=SPLITS)
    interval: Column[int] = pa.Field(ge=0, lt=NUM_INTERVALS)
    pitch: Column[str] = pa.Field(isin=["low", "mid", "high"])
    beeps: Column[int] = pa.Field(ge=1, le=3)

    class Config(Table.Config):
        unique: ClassVar = ["clip_id", "interval"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The sounds in `path`, checked."""
    return read_table(Sounds, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the sounds and write them to `path`."""
    write_table(Sounds, frame, path, stage=stage)
