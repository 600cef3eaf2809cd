"""What a run answered to each question, beside what is right."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table
from codecsense.schemas.questions import TYPES

MADE_BY = "evaluate"


class Answers(Table):
    """One row per run, way of answering and question."""

    run: Column[str]
    mode: Column[str] = pa.Field(isin=["direct", "two_stage"])
    question_id: Column[str]
    clip_id: Column[str]
    type: Column[str] = pa.Field(isin=TYPES)
    kind: Column[str]
    gold: Column[str]
    response: Column[str]  # everything the model said
    predicted: Column[str]  # the answer read from it; empty where none could be read
    correct: Column[bool]
    context_tokens: Column[int] = pa.Field(gt=0)

    class Config(Table.Config):
        unique: ClassVar = ["run", "mode", "question_id"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The answers in `path`, checked."""
    return read_table(Answers, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the answers and write them to `path`."""
    write_table(Answers, frame, path, stage=stage)
