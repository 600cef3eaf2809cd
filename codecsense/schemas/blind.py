"""What the reference policy achieves with one modality masked, and the summaries it was given [HippoVLM, VANAO]."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "blind"


class Blind(Table):
    """One row per prompt of reinforcement learning."""

    question_id: Column[str] = pa.Field(unique=True)
    clip_id: Column[str]
    text: Column[str]
    answer: Column[str]
    summary_visual: Column[str]
    summary_audio: Column[str]
    p_visual: Column[float] = pa.Field(ge=0, le=1)  # accuracy with the audio summary masked
    p_audio: Column[float] = pa.Field(ge=0, le=1)  # accuracy with the visual summary masked
    p_both: Column[float] = pa.Field(ge=0, le=1)  # accuracy with both


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The baselines in `path`, checked."""
    return read_table(Blind, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the baselines and write them to `path`."""
    write_table(Blind, frame, path, stage=stage)
