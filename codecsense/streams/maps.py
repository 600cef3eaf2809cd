"""Gathers fields into the slots of their intervals.

Fields carry velocities weighted by cover, so a slot is a plain sum until the end, and a picture that says
nothing (intra) weighs nothing. A slot exists as soon as one picture with a known source fell into it.
"""

import numpy as np

from codecsense.codecs import Field, Grid, Source
from codecsense.streams.layout import NO_SLOT, Layout


class MapSums:
    """The maps of one video while it is being read."""

    def __init__(self, layout: Layout, *, maps_per_interval: int, grid: Grid, sizes: np.ndarray) -> None:
        shape = (len(layout.anchors) - 1, maps_per_interval)
        self.layout = layout
        self.sizes = sizes
        self.motion = np.zeros((*shape, 3, *grid), np.float32)
        self.residual = np.zeros((*shape, *grid), np.float32)
        self.time_s = np.zeros(shape, np.float64)
        self.source = np.zeros(shape, np.uint8)
        self.packet_size = np.zeros(shape, np.float64)
        self.count = np.zeros(shape, np.int64)
        self.qp = np.zeros((*shape, 1, *grid), np.float32)
        self.has_qp = False

    def add(self, field: Field) -> None:
        """Put one picture's field into its slot, if it has one."""
        place = (self.layout.interval[field.rank], self.layout.slot[field.rank])
        if place[0] == NO_SLOT or field.source == Source.none:
            return
        self.motion[place] += field.motion
        if field.residual is not None:
            self.residual[place] += field.residual
        if field.qp is not None:
            self.qp[place] += field.qp
            self.has_qp = True
        self.time_s[place] += field.time_s
        self.packet_size[place] += self.sizes[field.rank]
        self.source[place] = max(self.source[place], field.source)
        self.count[place] += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """The maps and what goes with them, as `VideoStreams` names them."""
        pictures = np.maximum(self.count, 1)
        weight = self.motion[:, :, 2:]
        velocity = self.motion[:, :, :2] / np.where(weight > 0, weight, 1)
        return {
            "mv": velocity.astype(np.float16),
            "cover": (weight / pictures[..., None, None, None]).astype(np.float16),
            "residual": (self.residual / pictures[..., None, None])[:, :, None].astype(np.float16),
            "map_mask": self.count > 0,
            "map_source": self.source,
            "map_time_s": (self.time_s / pictures).astype(np.float32),
            "qp": (self.qp[:, :, : int(self.has_qp)] / pictures[..., None, None, None]).astype(np.float16),
            "packet_size": (self.packet_size / pictures).astype(np.float32),
        }
