"""Reasoning that independent samples agree on and that ends in the right answer."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, read_table, write_table
from codecsense.schemas.provenance import Provenance

MADE_BY = "think"
CATEGORIES = ["temporal", "social", "general"]


class Reasoning(Provenance):
    """One row per question whose samples agree; `model`, `seed` and `reply` are those of the sample that is kept."""

    question_id: Column[str] = pa.Field(unique=True)
    video_id: Column[str]
    category: Column[str] = pa.Field(isin=CATEGORIES)
    question: Column[str] = pa.Field(str_length={"min_value": 1})
    options: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.String()})
    summary_visual: Column[str]
    summary_audio: Column[str]
    think: Column[str] = pa.Field(str_length={"min_value": 1})
    info: Column[str] = pa.Field(str_length={"min_value": 1})
    answer: Column[str] = pa.Field(str_length={"min_value": 1})
    balanced: Column[bool]  # whether it is part of the balanced choice


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The reasoning in `path`, checked."""
    return read_table(Reasoning, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the reasoning and write it to `path`."""
    write_table(Reasoning, frame, path, stage=stage)
