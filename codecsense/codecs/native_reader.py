"""Fields from exported vectors, picture by picture.

B pictures wait until the next reference has arrived, since their second list points ahead. A few of them keep their
vectors where the decoder put them, which holds its pictures; if many wait, only copies are kept, which are smaller.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from codecsense.codecs import Decoded, Field, Grid, Source
from codecsense.codecs.decoding import Video
from codecsense.codecs.flow import Estimator
from codecsense.codecs.grid import Raster
from codecsense.codecs.luma import luma
from codecsense.codecs.quantisers import quantisers
from codecsense.codecs.residual import Compensator, luma_divisor
from codecsense.codecs.settings import FlowConfig, ResidualConfig
from codecsense.codecs.vectors import Distances, Velocities, exported, velocities

SILENT_B = "mpeg4"
MOST_HELD_IN_PLACE = 8  # copying vectors costs 5 % of a pass, a picture in memory up to 3 MB at 1080p


class Held(NamedTuple):
    """What is kept of a picture once the decoder has it back."""

    rank: int
    time_s: float
    kind: str
    blocks: np.ndarray | None
    luma: np.ndarray | None
    usable: bool
    qp: np.ndarray | None

    def kept(self) -> "Held":
        """With vectors of its own: a view would keep the picture alive."""
        return self if self.blocks is None else self._replace(blocks=self.blocks.copy())

    def without_blocks(self) -> "Held":
        """What later pictures need of it."""
        return self._replace(blocks=None)


class NativeReader:
    """Reads fields picture by picture, and starts anew where the picture changes its size."""

    def __init__(
        self,
        video: Video,
        *,
        grid: Grid,
        residual: ResidualConfig,
        fill: FlowConfig | None,
        with_qp: bool,
        vectors: Callable[[Decoded], np.ndarray | None] = exported,
    ) -> None:
        self.packets, self.grid, self.settings = video.packets, grid, residual
        self.silent_b = video.stream.codec_context.codec.canonical_name == SILENT_B
        self.estimator = Estimator(fill, grid=grid) if fill and self.silent_b else None
        self.exports, self.with_qp, self.vectors = False, with_qp, vectors
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
            self.waiting.append(held if len(self.waiting) < MOST_HELD_IN_PLACE else held.kept())
            return fields
        fields += self._release(future=held)
        fields.append(self._field(held, future=None))
        self.reference = held.without_blocks()
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
        rows, columns = max(1, height // self.divisor), max(1, width // self.divisor)
        self.compensator = Compensator(rows=rows, columns=columns, raster=self.raster)

    def _hold(self, decoded: Decoded) -> Held:
        blocks = self.vectors(decoded) if decoded.usable and decoded.kind != "I" else None
        needed = self.settings.kind != "none" or self.estimator is not None
        grey = luma(decoded.picture, self.divisor) if needed else None
        qp = quantisers(decoded.picture, self.raster) if self.with_qp else None
        return Held(decoded.rank, decoded.time_s, decoded.kind, blocks, grey, decoded.usable, qp)

    def _release(self, *, future: Held | None) -> list[Field]:
        fields = [self._field(held, future=future) for held in self.waiting]
        self.waiting = []
        return fields

    def _field(self, held: Held, *, future: Held | None) -> Field:
        field = None
        if held.blocks is not None and len(held.blocks):
            self.exports = True
            field = velocities(held.blocks, self._distances(held, future), self.raster)
        if field is not None and held.kind == "B" and self.silent_b and not field.velocity.any():
            made = self._filled(held)
        else:
            made = self._read(held, field)
        self.before = held.without_blocks()
        return made

    def _read(self, held: Held, field: Velocities | None) -> Field:
        """As coded. Once a video has shown vectors, a picture without any says: nothing here was predicted."""
        source = Source.native if self.exports and held.usable else Source.none
        motion = np.zeros((3, *self.grid), np.float32) if field is None else self.raster.pool(field.planes)
        return Field(held.rank, held.time_s, source, motion, self._residual(held, field), held.qp)

    def _filled(self, held: Held) -> Field:
        """As estimated, if that was asked for; zeros that stand for nothing are no vectors."""
        nothing = Field(held.rank, held.time_s, Source.none, np.zeros((3, *self.grid), np.float32), None)
        if self.estimator is None or held.luma is None or self.before is None or self.before.luma is None:
            return nothing
        width, height = self.size
        found = self.estimator.estimate(held.luma, self.before.luma, picture_width=width, picture_height=height)
        found.motion[:2] /= self.packets.distance(self.before.rank, held.rank)
        residual = None if self.settings.kind == "none" else found.residual
        return Field(held.rank, held.time_s, Source.estimated, found.motion, residual, held.qp)

    def _residual(self, held: Held, field: Velocities | None) -> np.ndarray | None:
        if held.luma is None or self.settings.kind == "none":
            return None
        if self.before is None or self.before.luma is None:
            return np.zeros(self.grid, np.float32)
        shift = np.zeros((2, self.raster.rows, self.raster.columns), np.float32)
        if field is not None and self.settings.kind == "compensated":
            shift = field.velocity * np.float32(self.packets.distance(self.before.rank, held.rank))
        elif held.blocks is not None and self.settings.kind == "naive":
            shift = velocities(held.blocks, Distances(-1.0, None), self.raster).velocity
        return self.compensator.residual(held.luma, self.before.luma, shift)

    def _distances(self, held: Held, future: Held | None) -> Distances:
        past = self.reference
        return Distances(
            None if past is None else self.packets.distance(held.rank, past.rank),
            None if future is None else self.packets.distance(held.rank, future.rank),
        )
