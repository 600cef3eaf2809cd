"""Vectors as FFmpeg exports them, and their division by the distance to the picture they point to.

FFmpeg names the list (-1 past, +1 future) but not the reference. The last non-B picture is the likeliest one,
and dividing by its distance was never worse than a plain difference on real clips, while using the vector as
it stands was worse in five cases of six. `motion` points from the block to its source, hence the sign.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from av.sidedata.motionvectors import MotionVectors
from av.sidedata.sidedata import Type
from jaxtyping import Float32
from numba import njit

from codecsense.codecs import Decoded
from codecsense.codecs.grid import RASTER_PX, Raster
from codecsense.codecs.side_data import beside


def exported(decoded: Decoded) -> np.ndarray | None:
    """The vectors beside a picture, as a view that keeps the picture alive: copy what is to be kept for long."""
    found = beside(decoded.picture).get(Type.MOTION_VECTORS)
    return found.to_ndarray() if isinstance(found, MotionVectors) else None


class Distances(NamedTuple):
    """Frame intervals from a picture to its references: the past one is negative. None where there is none."""

    past: float | None
    future: float | None


class Velocities(NamedTuple):
    """Velocity on the raster, with 1 in the last plane where it is known and 0 where no vector says so."""

    planes: Float32[np.ndarray, "3 squares_down squares_across"]

    @property
    def velocity(self) -> Float32[np.ndarray, "2 squares_down squares_across"]:
        """The velocities alone."""
        return self.planes[:2]


def velocities(blocks: np.ndarray, distances: Distances, raster: Raster) -> Velocities:
    """Pixels per frame interval on the raster; a square predicted from both sides gets their mean."""
    planes = np.zeros((3, raster.rows, raster.columns), np.float32)
    per_past, per_future = (0.0 if distance is None else 1.0 / distance for distance in distances)
    _lay(blocks, per_past, per_future, planes)
    return Velocities(planes)


@njit(cache=True)
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _lay(blocks: np.ndarray, per_past: float, per_future: float, planes: np.ndarray) -> None:
    """Sum velocities and lists per square, then divide; a loop, since blocks come in the thousands a picture."""
    rows, columns = planes.shape[1:]
    for index in range(len(blocks)):
        block = blocks[index]
        scale = per_past if block.source < 0 else per_future
        if scale == 0.0 or block.motion_scale == 0:
            continue
        scale /= block.motion_scale
        top, left = (block.dst_y - block.h // 2) // RASTER_PX, (block.dst_x - block.w // 2) // RASTER_PX
        for row in range(max(top, 0), min(top + max(block.h // RASTER_PX, 1), rows)):
            for column in range(max(left, 0), min(left + max(block.w // RASTER_PX, 1), columns)):
                planes[0, row, column] += block.motion_x * scale
                planes[1, row, column] += block.motion_y * scale
                planes[2, row, column] += 1.0
    for row in range(rows):
        for column in range(columns):
            lists = planes[2, row, column]
            if lists > 1.0:
                planes[0, row, column] /= lists
                planes[1, row, column] /= lists
                planes[2, row, column] = 1.0
