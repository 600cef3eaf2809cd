"""Fields from exported vectors, picture by picture.

B pictures wait until the next reference has arrived, since their second list points ahead; only their vectors
and reduced luma are kept meanwhile, so that the decoder has its pictures back.
"""

from typing import NamedTuple

import numpy as np

from codecsense.codecs import Decoded, Field, Grid, Source
from codecsense.codecs.decoding import Video
from codecsense.codecs.grid import Raster
from codecsense.codecs.luma import luma
from codecsense.codecs.residual import Compensator, luma_divisor
from codecsense.codecs.settings import ResidualConfig
from codecsense.codecs.vectors import Distances, Velocities, exported, velocities


class Held(NamedTuple):
    """What is kept of a picture once the decoder has it back."""

    rank: int
    time_s: float
    kind: str
    blocks: np.ndarray | None
    luma: np.ndarray | None


class NativeReader:
    """Reads fields picture by picture, and starts anew where the picture changes its size."""

    def __init__(self, video: Video, *, grid: Grid, residual: ResidualConfig) -> None:
        self.packets, self.grid, self.settings = video.packets, grid, residual
        self.size = (0, 0)
        self.waiting: list[Held] = []
        self.reference: Held | None = None
        self.before: Held | None = None

    def feed(self, decoded: Decoded) -> list[Field]:
        """Fields completed by this picture: none while B pictures wait, else theirs and its own."""
        size = (decoded.picture.width, decoded.picture.height)
        fields = self.finish() if size != self.size else []
        self._resize(*size)
        held = self._hold(decoded)
        if held.kind in "Bb":
            self.waiting.append(held)
            return fields
        fields += self._release(future=held)
        fields.append(self._field(held, future=None))
        self.reference = held
        return fields

    def finish(self) -> list[Field]:
        """The B pictures still waiting, read from their past list alone."""
        fields = self._release(future=None)
        self.reference = self.before = None
        return fields

    def _resize(self, width: int, height: int) -> None:
        if self.size == (width, height):
            return
        self.size = (width, height)
        self.raster = Raster(width=width, height=height, grid=self.grid)
        self.divisor = luma_divisor(self.settings, width=width, height=height, grid=self.grid)
        self.compensator = Compensator(
            rows=max(1, height // self.divisor),
            columns=max(1, width // self.divisor),
            picture_width=width,
            picture_height=height,
            grid=self.grid,
        )

    def _hold(self, decoded: Decoded) -> Held:
        blocks = exported(decoded.picture) if decoded.usable and decoded.kind != "I" else None
        grey = None if self.settings.kind == "none" else luma(decoded.picture, self.divisor)
        return Held(decoded.rank, decoded.time_s, decoded.kind, blocks, grey)

    def _release(self, *, future: Held | None) -> list[Field]:
        fields = [self._field(held, future=future) for held in self.waiting]
        self.waiting = []
        return fields

    def _field(self, held: Held, *, future: Held | None) -> Field:
        motion = np.zeros((3, *self.grid), np.float32)
        source, field = Source.none, None
        if held.blocks is not None:
            distances = Distances(self._distance(held, self.reference), self._distance(held, future))
            field = velocities(held.blocks, distances, self.raster)
            motion = self.raster.pool(field.planes)
            source = Source.native
        residual = self._residual(held, field)
        self.before = held
        return Field(held.rank, held.time_s, source, motion, residual)

    def _residual(self, held: Held, field: Velocities | None) -> np.ndarray | None:
        if held.luma is None:
            return None
        if self.before is None or self.before.luma is None:
            return np.zeros(self.grid, np.float32)
        shift = np.zeros((2, self.raster.rows, self.raster.columns), np.float32)
        if field is not None and self.settings.kind == "compensated":
            shift = field.velocity * np.float32(-(self._distance(held, self.before) or -1.0))
        elif held.blocks is not None and self.settings.kind == "naive":
            shift = velocities(held.blocks, Distances(-1.0, None), self.raster).velocity
        return self.compensator.residual(held.luma, self.before.luma, shift)

    def _distance(self, held: Held, other: Held | None) -> float | None:
        """Frame intervals from `held` to `other`; by the clock only where pictures do not come evenly."""
        if other is None:
            return None
        if self.packets.variable_rate and other.time_s != held.time_s:
            return (other.time_s - held.time_s) / self.packets.frame_interval_s
        return float(other.rank - held.rank)
