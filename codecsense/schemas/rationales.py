"""How a joint question is answered in two stages: what each sense should say, the thought and the evidence."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table
from codecsense.schemas.facts import SPLITS

MADE_BY = "dataset"


class Rationales(Table):
    """One row per joint question."""

    question_id: Column[str] = pa.Field(unique=True)
    clip_id: Column[str]
    split: Column[str] = pa.Field(isin=SPLITS)
    summary_visual: Column[str]
    summary_audio: Column[str]
    think: Column[str]
    info: Column[str]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The rationales in `path`, checked."""
    return read_table(Rationales, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the rationales and write them to `path`."""
    write_table(Rationales, frame, path, stage=stage)
