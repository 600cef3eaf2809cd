"""What teachers wrote about each modality of a video, and what judge and reviewer said of it; the rejected included."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, read_table, write_table
from codecsense.schemas.provenance import Provenance

MADE_BY = "think"
MODALITIES = ["visual", "audio"]
STATES = ["accepted", "rejected", "unseen"]


class Summaries(Provenance):
    """One row per attempt at the summary of one modality of one video; its lines in the order they were written."""

    summary_id: Column[str] = pa.Field(unique=True)
    video_id: Column[str]
    modality: Column[str] = pa.Field(isin=MODALITIES)
    round: Column[int] = pa.Field(ge=0)
    start_s: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.Float64()})
    end_s: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.Float64()})
    text: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.String()})
    judged: Column[str] = pa.Field(isin=STATES)  # unseen where the judge had no answer
    judge_reason: Column[str]
    reviewed: Column[str] = pa.Field(isin=STATES)  # unseen where the judge had rejected it
    remark: Column[str]
    accepted: Column[bool]  # by both

    @pa.dataframe_check(name="a_line_has_two_times_and_a_text")
    def a_line_has_two_times_and_a_text(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """Three lists that belong together have one length."""
        lengths = [pl.col(name).list.len() for name in ("start_s", "end_s", "text")]
        return data.lazyframe.select((lengths[0] == lengths[1]) & (lengths[1] == lengths[2]) & (lengths[0] > 0))


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The summaries in `path`, checked."""
    return read_table(Summaries, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the summaries and write them to `path`."""
    write_table(Summaries, frame, path, stage=stage)
