"""What a run answers in two stages with all its senses, and with one of them gone: what leans on one sense shows."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "ladder"
HIDDEN = ["nothing", "sight", "sound"]


class Shortcuts(Table):
    """One row per question and what was hidden."""

    run: Column[str]
    hidden: Column[str] = pa.Field(isin=HIDDEN)
    question_id: Column[str]
    clip_id: Column[str]
    kind: Column[str]
    gold: Column[str]
    response: Column[str]  # everything the model said
    predicted: Column[str]  # the answer read from it; empty where none could be read
    correct: Column[bool]

    class Config(Table.Config):
        unique: ClassVar = ["run", "hidden", "question_id"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The answers in `path`, checked."""
    return read_table(Shortcuts, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the answers and write them to `path`."""
    write_table(Shortcuts, frame, path, stage=stage)
