"""The index of a streams store: where each video's arrays lie, and what they are like."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "extract"
SOURCES = ["native", "estimated", "none"]


class Streams(Table):
    """One row per extracted video."""

    video_id: Column[str] = pa.Field(unique=True)
    path: Column[str]  # within the corpus, never absolute
    shard: Column[str] = pa.Field(str_endswith=".safetensors")
    content_hash: Column[str] = pa.Field(str_length={"min_value": 32, "max_value": 32})
    num_anchors: Column[int] = pa.Field(ge=2)
    num_intervals: Column[int] = pa.Field(ge=1)
    num_maps: Column[int] = pa.Field(ge=0)  # slots that hold a map
    picture_height: Column[int] = pa.Field(gt=0)  # of anchors and frames
    picture_width: Column[int] = pa.Field(gt=0)
    coded_height: Column[int] = pa.Field(gt=0)
    coded_width: Column[int] = pa.Field(gt=0)
    num_frames: Column[int] = pa.Field(ge=2)  # packets that hold a picture
    num_decoded: Column[int] = pa.Field(ge=1)  # pictures that the decoder delivered
    duration_s: Column[float] = pa.Field(gt=0)
    codec: Column[str]
    motion_source: Column[str] = pa.Field(isin=SOURCES)  # of most maps
    has_audio: Column[bool]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The index in `path`, checked."""
    return read_table(Streams, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the index and write it to `path`."""
    write_table(Streams, frame, path, stage=stage)
