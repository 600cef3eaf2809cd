"""How much of each fact each codec stream carries, measured with a small supervised head."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "probe"


class Probe(Table):
    """One row per set of streams and kind of fact; accuracies are shares of 1, on the test clips."""

    streams: Column[str]
    fact: Column[str] = pa.Field(isin=["kind", "way", "swings", "flashes", "spin"])
    num_answers: Column[int] = pa.Field(ge=2)
    correct: Column[int] = pa.Field(ge=0)
    total: Column[int] = pa.Field(gt=0)
    accuracy: Column[float] = pa.Field(ge=0, le=1)
    low: Column[float] = pa.Field(ge=0, le=1)  # Wilson's interval
    high: Column[float] = pa.Field(ge=0, le=1)

    class Config(Table.Config):
        unique: ClassVar = ["streams", "fact"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The measurements in `path`, checked."""
    return read_table(Probe, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the measurements and write them to `path`."""
    write_table(Probe, frame, path, stage=stage)
