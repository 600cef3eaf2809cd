"""One row for every question of a benchmark: what was said, what was read in it, and whether it is right."""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "score"
STATUSES = ["ok", "nearest", "random_fallback", "empty", "unparsed", "missing"]


class Scored(Table):
    """One row per question, in the order of the annotations; what a submission does not say is null."""

    benchmark: Column[str]
    split: Column[str]
    sample_id: Column[str]
    cluster_id: Column[str]  # the video or picture that several questions share
    response_raw: Column[str]  # everything the model said; empty where nothing was
    extracted_official: Column[str]
    extracted_strict: Column[str]
    extractor_official: Column[str]
    extractor_strict: Column[str]
    gold: Column[str]
    correct_official: Column[bool]
    correct_strict: Column[bool]
    counted_official: Column[bool]  # false where the official script leaves the question out
    status_official: Column[str] = pa.Field(isin=STATUSES)
    status_strict: Column[str] = pa.Field(isin=STATUSES)
    n_options: Column[int] = pa.Field(ge=0)  # 0 where the answer is free
    prompt_sha: Column[str] = pa.Field(str_matches=r"^[0-9a-f]{64}$")  # of the official prompt
    frames_used: Column[int] = pa.Field(ge=0, nullable=True)
    ctx_tokens: Column[int] = pa.Field(ge=0, nullable=True)
    ttft_s: Column[float] = pa.Field(ge=0, nullable=True)
    decode_s: Column[float] = pa.Field(ge=0, nullable=True)
    judge_id: Column[str] = pa.Field(nullable=True)

    class Config(Table.Config):
        unique: ClassVar = ["benchmark", "split", "sample_id"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The rows in `path`, checked."""
    return read_table(Scored, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the rows and write them to `path`."""
    write_table(Scored, frame, path, stage=stage)
