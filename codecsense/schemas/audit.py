"""What the audit of a corpus found, file by file."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "audit"
ROUTES = ["native", "estimated", "none"]


class Audit(Table):
    """One row per file of the corpus, the unreadable ones included. Unknown text is empty, unknown numbers are 0."""

    video_id: Column[str] = pa.Field(unique=True)
    path: Column[str] = pa.Field(unique=True)  # within the corpus, never absolute
    num_bytes: Column[int] = pa.Field(ge=0)
    content_hash: Column[str] = pa.Field(str_length={"min_value": 32, "max_value": 32})
    duplicate_of: Column[str]  # the video_id of the first file with the same content
    readable: Column[bool]
    reason: Column[str]  # why it is not readable
    container: Column[str]
    codec: Column[str]
    profile: Column[str]
    pixel_format: Column[str]
    width: Column[int] = pa.Field(ge=0)
    height: Column[int] = pa.Field(ge=0)
    duration_s: Column[float] = pa.Field(ge=0)
    rate_fps: Column[float] = pa.Field(ge=0)
    variable_rate: Column[bool]
    num_frames: Column[int] = pa.Field(ge=0)  # counted, not what the header says
    num_keys: Column[int] = pa.Field(ge=0)
    gop_median: Column[float] = pa.Field(ge=0)  # pictures from key frame to key frame
    gop_max: Column[int] = pa.Field(ge=0)
    frame_types: Column[str]  # of the probed pictures, such as IPBBP
    has_b_frames: Column[bool]
    num_references: Column[int] = pa.Field(ge=0)  # 0 where the file does not say
    rotation_deg: Column[int] = pa.Field(isin=[0, 90, 180, 270])
    interlaced: Column[bool]
    num_audio: Column[int] = pa.Field(ge=0)
    audio_codec: Column[str]
    num_errors: Column[int] = pa.Field(ge=0)  # packets that could not be demuxed, pictures that could not be decoded
    route: Column[str] = pa.Field(isin=ROUTES)
    why: Column[str]  # the evidence for the route


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The audit in `path`, checked."""
    return read_table(Audit, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the audit and write it to `path`."""
    write_table(Audit, frame, path, stage=stage)
