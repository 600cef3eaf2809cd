"""What teachers were asked for and what did not become training data, each with the reason."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "think"
STEPS = ["summarise", "judge", "review", "reason", "consensus"]


class Rejects(Table):
    """One row per item that ended without a result."""

    item: Column[str]
    video_id: Column[str]
    step: Column[str] = pa.Field(isin=STEPS)  # at which it ended
    kind: Column[str] = pa.Field(str_length={"min_value": 3})
    reason: Column[str] = pa.Field(str_length={"min_value": 1})

    class Config(Table.Config):
        unique: ClassVar = ["item", "step"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The rejects in `path`, checked."""
    return read_table(Rejects, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the rejects and write them to `path`."""
    write_table(Rejects, frame, path, stage=stage)
