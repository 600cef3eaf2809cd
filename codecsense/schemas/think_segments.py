"""Accepted summaries, cut into stretches of equal length."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table
from codecsense.schemas.think_summaries import MODALITIES

MADE_BY = "think"


class Segments(Table):
    """One row per video, modality and stretch of which something is said."""

    segment_id: Column[str] = pa.Field(unique=True)
    summary_id: Column[str]  # what it was cut from
    video_id: Column[str]
    modality: Column[str] = pa.Field(isin=MODALITIES)
    number: Column[int] = pa.Field(ge=0)
    start_s: Column[float] = pa.Field(ge=0)
    end_s: Column[float] = pa.Field(gt=0)
    text: Column[str] = pa.Field(str_length={"min_value": 1})

    class Config(Table.Config):
        unique: ClassVar = ["video_id", "modality", "number"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The segments in `path`, checked."""
    return read_table(Segments, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the segments and write them to `path`."""
    write_table(Segments, frame, path, stage=stage)
