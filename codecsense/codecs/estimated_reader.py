"""Fields from optical flow, picture by picture: each against the one shown before it."""

from typing import NamedTuple

import numpy as np

from codecsense.codecs import Decoded, Field, Grid, Source
from codecsense.codecs.decoding import Video
from codecsense.codecs.flow import Estimator, flow_divisor
from codecsense.codecs.luma import luma
from codecsense.codecs.settings import FlowConfig, ResidualConfig


class Before(NamedTuple):
    """What is kept of the picture before."""

    rank: int
    luma: np.ndarray
    size: tuple[int, int]


class EstimatedReader:
    """Reads fields from consecutive pictures of one size; the first of a span has none."""

    def __init__(self, video: Video, flow: FlowConfig, *, grid: Grid, residual: ResidualConfig) -> None:
        self.packets, self.flow, self.grid = video.packets, flow, grid
        self.with_residual = residual.kind != "none"
        self.estimator = Estimator(flow, grid=grid)
        self.before: Before | None = None

    def feed(self, decoded: Decoded) -> list[Field]:
        """The field of this picture."""
        size = (decoded.picture.width, decoded.picture.height)
        now = Before(decoded.rank, luma(decoded.picture, flow_divisor(self.flow, width=size[0])), size)
        before, self.before = self.before, now
        if before is None or before.size != size or not decoded.usable:
            nothing = np.zeros((3, *self.grid), np.float32)
            return [Field(decoded.rank, decoded.time_s, Source.none, nothing, None)]
        found = self.estimator.estimate(now.luma, before.luma, picture_width=size[0], picture_height=size[1])
        found.motion[:2] /= self.packets.distance(before.rank, decoded.rank)
        residual = found.residual if self.with_residual else None
        return [Field(decoded.rank, decoded.time_s, Source.estimated, found.motion, residual)]

    def finish(self) -> list[Field]:
        """Nothing is ever held back."""
        self.before = None
        return []
