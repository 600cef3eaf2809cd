"""What truly happens in the micro world's clips: the ground truth that questions are made from.

No model ever reads this table; it learns of these facts through pixels, codec side data and sound alone.
"""

from pathlib import Path
from typing import ClassVar

import pandera.polars as pa
import polars as pl

from codecsense.schemas import Column, Table, read_table, write_table

MADE_BY = "world"
SPLITS = ["train", "validation", "test"]
NUM_INTERVALS = 3
NUM_CELLS = 16  # a grid of 4 rows of 4, counted row by row from the top left


class Facts(Table):
    """One row per clip, interval and sprite."""

    clip_id: Column[str]
    split: Column[str] = pa.Field(isin=SPLITS)
    interval: Column[int] = pa.Field(ge=0, lt=NUM_INTERVALS)
    sprite: Column[int] = pa.Field(isin=[0, 1])
    colour: Column[str] = pa.Field(isin=["red", "green", "blue", "yellow"])
    shape: Column[str] = pa.Field(isin=["circle", "square", "triangle"])
    cell_from: Column[int] = pa.Field(ge=0, lt=NUM_CELLS)  # at the opening anchor
    cell_to: Column[int] = pa.Field(ge=0, lt=NUM_CELLS)  # at the closing anchor
    kind: Column[str] = pa.Field(isin=["still", "swing", "orbit", "flash", "go"])
    way: Column[str] = pa.Field(isin=["left", "right", "up", "down", "none"])  # of a swing or a go
    count: Column[int] = pa.Field(ge=0, le=3)  # of swings or flashes
    spin: Column[str] = pa.Field(isin=["cw", "ccw", "none"])  # of an orbit

    class Config(Table.Config):
        unique: ClassVar = ["clip_id", "interval", "sprite"]


def read(path: Path, *, stage: str = MADE_BY) -> pl.DataFrame:
    """The facts in `path`, checked."""
    return read_table(Facts, path, stage=stage)


def write(frame: pl.DataFrame, path: Path, *, stage: str = MADE_BY) -> None:
    """Check the facts and write them to `path`."""
    write_table(Facts, frame, path, stage=stage)
