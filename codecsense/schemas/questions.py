"""Questions about clips, each with exactly one right answer of one word."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table
from codecsense.schemas.facts import NUM_INTERVALS, SPLITS

MADE_BY = "dataset"
TYPES = ["static", "hidden", "audio", "joint"]
SPACED_WORDS = r"^([a-z0-9]+ )+\?$"
ONE_WORD = r"^[a-z0-9]+$"


class Questions(Table):
    """One row per question; its words are lower-case and parted by single spaces."""

    question_id: Column[str] = pa.Field(unique=True)
    clip_id: Column[str]
    split: Column[str] = pa.Field(isin=SPLITS)
    type: Column[str] = pa.Field(isin=TYPES)  # what it takes to answer: anchors, motion, sound, motion and sound
    kind: Column[str] = pa.Field(str_matches=ONE_WORD)  # what is asked for
    interval: Column[int] = pa.Field(ge=-1, lt=NUM_INTERVALS)  # -1 where the question names none
    text: Column[str] = pa.Field(str_matches=SPACED_WORDS)
    answer: Column[str] = pa.Field(str_matches=ONE_WORD)
    options: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.String()})  # every answer the kind allows

    @pa.dataframe_check(name="answer_is_one_of_the_options")
    def answer_is_one_of_the_options(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """A question whose answer is not on offer could never be answered."""
        return data.lazyframe.select(pl.col("options").list.contains(pl.col("answer")))


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The questions in `path`, checked."""
    return read_table(Questions, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the questions and write them to `path`."""
    write_table(Questions, frame, path, stage=stage)
