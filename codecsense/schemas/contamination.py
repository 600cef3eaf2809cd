"""Training videos that are also in a benchmark, by name or by content."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "think"


class Contamination(Table):
    """One row per pair of a training video and a video of a benchmark that look like one video."""

    video_id: Column[str]
    benchmark: Column[str]
    benchmark_video_id: Column[str]
    by_id: Column[bool]
    by_content: Column[bool]

    @pa.dataframe_check(name="there_is_evidence")
    def there_is_evidence(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """A pair without evidence is no pair."""
        return data.lazyframe.select(pl.col("by_id") | pl.col("by_content"))


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The pairs in `path`, checked."""
    return read_table(Contamination, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the pairs and write them to `path`."""
    write_table(Contamination, frame, path, stage=stage)
