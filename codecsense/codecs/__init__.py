"""What a bitstream gives: pictures, and for every picture a field of motion. The contract of every backend.

Whatever the codec, a field is a velocity: pixels of the coded picture per frame interval, x to the right, y
down, content moving right by 5 px reads +5. A vector as coded points to the block's reference, which may lie
several pictures back or ahead, so backends divide by that distance before anyone else sees the number.

Words:
    rank     place of a picture in display order, counted from 0 over the whole file
    grid     rows x columns of equal cells laid over the picture, whatever its size
    cover    share of a cell for which there is evidence of motion (intra blocks give none)
    span     a stretch of the file that is decoded in one go: a start, and the rank where it stops
    source   where a field came from; `native` is the encoder's own vectors
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from codecsense.codecs.settings import ResidualConfig
from codecsense.config import Config


class Grid(NamedTuple):
    """Rows and columns of the maps that a model sees."""

    rows: int
    columns: int


class Source(IntEnum):
    """Where a motion field came from; the number is what the shards hold."""

    none = 0
    native = 1
    estimated = 2


class Span(NamedTuple):
    """Decode from the key frame of rank `start` (the beginning of the file if 0) up to, not including, `stop`."""

    start: int
    stop: int


class Field(NamedTuple):
    """What one picture says about motion, on the grid.

    `motion` holds x velocity, y velocity and cover, the velocities weighted by cover, so that fields may be
    added and divided by their summed cover. `residual` is the mean absolute luma difference that motion leaves.
    """

    rank: int
    time_s: float
    source: Source
    motion: Float32[np.ndarray, "3 rows columns"]
    residual: Float32[np.ndarray, "rows columns"] | None
    qp: Float32[np.ndarray, "rows columns"] | None = None


class Decoded(NamedTuple):
    """One picture in display order. `picture` is the decoder's own frame, or can give it: `picture.decoded()`."""

    rank: int
    time_s: float
    kind: str
    key: bool
    usable: bool
    picture: Any


@runtime_checkable
class Reader(Protocol):
    """Turns the pictures of one span into fields; may hold pictures back until a later reference is known."""

    def feed(self, decoded: Decoded) -> list[Field]:
        """The fields that this picture completes, in display order."""

    def finish(self) -> list[Field]:
        """The fields still held back at the end of a span; the reader is then ready for another span."""


@runtime_checkable
class Backend(Protocol):
    """One way of reading motion. `decode` yields pictures, `reader` makes fields of them.

    `reads_keys` says whether key frames have fields too, so that intervals reserve maps for them.
    """

    @property
    def reads_keys(self) -> bool:
        """Whether key frames have fields."""

    def decode(self, video: Any, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`, in display order within each."""

    def reader(self, video: Any) -> Reader:
        """A fresh reader for `video`."""


class BackendConfig(Config):
    """What the settings of every file in `codecsense/codecs/backends/` share."""

    name: str

    def require(self) -> None:
        """ValueError, with the remedy, if this machine lacks what the backend needs: asked once, before any file."""

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> Backend:
        """The backend for maps of one size, for files whose audit found `route`."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")
