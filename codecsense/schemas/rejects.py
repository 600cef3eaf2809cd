"""Files that gave no streams, each with the reason: nothing is left out silently."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "extract"


class Rejects(Table):
    """One row per file of the corpus that the index of streams does not list."""

    video_id: Column[str] = pa.Field(unique=True)
    path: Column[str]  # within the corpus, never absolute
    stage: Column[str] = pa.Field(isin=["audit", "extract"])
    reason: Column[str] = pa.Field(str_length={"min_value": 3})


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The rejects in `path`, checked."""
    return read_table(Rejects, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the rejects and write them to `path`."""
    write_table(Rejects, frame, path, stage=stage)
