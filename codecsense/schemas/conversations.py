"""Conversations about media, as this repository holds them, whichever of the field's formats they came in."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "think"
ROLES = ["system", "user", "assistant", "tool_call", "tool_response"]
KINDS = ["image", "video", "audio"]
TEXTS = {"inner": pl.String()}


class Conversations(Table):
    """One row per sample. In its texts `<image>`, `<video>` and `<audio>` stand for the media, in their order."""

    sample_id: Column[str]  # as the source has it, where it has one; not unique in the field's own files
    roles: Column[pl.List] = pa.Field(dtype_kwargs=TEXTS)
    texts: Column[pl.List] = pa.Field(dtype_kwargs=TEXTS)
    media_kinds: Column[pl.List] = pa.Field(dtype_kwargs=TEXTS)
    media_paths: Column[pl.List] = pa.Field(dtype_kwargs=TEXTS)  # within the data root, as the source writes them
    extra: Column[str]  # JSON object: fields of the source that have no column here
    layout: Column[str]  # JSON object: how the source spelled what has a column, to write it back as it was

    @pa.dataframe_check(name="a_turn_has_a_role_and_a_text")
    def a_turn_has_a_role_and_a_text(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """Lists that belong together have one length, and somebody speaks."""
        turns = pl.col("roles").list.len() == pl.col("texts").list.len()
        media = pl.col("media_kinds").list.len() == pl.col("media_paths").list.len()
        return data.lazyframe.select(turns & media & (pl.col("roles").list.len() > 0))

    @pa.dataframe_check(name="roles_and_kinds_are_known")
    def roles_and_kinds_are_known(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """A role or a kind of medium that nobody knows could not be written in any format."""
        roles = pl.col("roles").list.eval(pl.element().is_in(ROLES)).list.all()
        kinds = pl.col("media_kinds").list.eval(pl.element().is_in(KINDS)).list.all()
        return data.lazyframe.select(roles & kinds)


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The conversations in `path`, checked."""
    return read_table(Conversations, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the conversations and write them to `path`."""
    write_table(Conversations, frame, path, stage=stage)
