"""Tasks that predict one modality from the other: what is heard, or seen, a while ahead or back [HippoSense]."""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "think"
KINDS = ["vas", "avs"]  # whole video and the audio of now -> audio; whole audio and the frames of now -> video


class Predictions(Table):
    """One row per task."""

    task_id: Column[str] = pa.Field(unique=True)
    video_id: Column[str]
    kind: Column[str] = pa.Field(isin=KINDS)
    shift_s: Column[float]  # negative where it asks for what was before
    now_start_s: Column[float] = pa.Field(ge=0)  # the stretch of the target's own modality that is given
    now_end_s: Column[float] = pa.Field(gt=0)
    start_s: Column[float] = pa.Field(ge=0)  # the stretch that is asked for
    end_s: Column[float] = pa.Field(gt=0)
    question: Column[str] = pa.Field(str_length={"min_value": 1})
    answer: Column[str] = pa.Field(str_length={"min_value": 1})
    parents: Column[pl.List] = pa.Field(dtype_kwargs={"inner": pl.String()})  # segments


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The tasks in `path`, checked."""
    return read_table(Predictions, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the tasks and write them to `path`."""
    write_table(Predictions, frame, path, stage=stage)
