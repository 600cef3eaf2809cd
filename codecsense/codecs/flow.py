"""Motion estimated from two luma pictures, for codecs that hand out no vectors: OpenCV's DIS optical flow [1].

An estimate is not the encoder's choice, and every map says which of the two it is. It is not believed across
a scene change, where it explains nothing: it must lower the plain difference, or its cover is 0.

References:
    [1] Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from codecsense.codecs import Grid
from codecsense.codecs.residual import area_mean
from codecsense.codecs.settings import FlowConfig

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
SMALLEST_PX = 16
SCENE_CHANGE_GREYS = 12.0
SCENE_CHANGE_SHARE = 0.8


class Estimate(NamedTuple):
    """Displacement since the picture before, in pixels of the coded picture, weighted by cover; and what it leaves."""

    motion: Float32[np.ndarray, "3 grid_rows grid_columns"]
    residual: Float32[np.ndarray, "grid_rows grid_columns"]


class Estimator:
    """Dense flow between neighbouring pictures of one video."""

    def __init__(self, settings: FlowConfig, *, grid: Grid) -> None:
        self.grid = grid
        self._flow = cv2.DISOpticalFlow.create(PRESETS[settings.preset])

    def estimate(
        self,
        luma: UInt8[np.ndarray, "rows columns"],
        before: UInt8[np.ndarray, "rows columns"],
        *,
        picture_width: int,
        picture_height: int,
    ) -> Estimate:
        """How `before` became `luma`; both are the reduced luma of a picture of the given size."""
        rows, columns = luma.shape
        plain = cv2.absdiff(luma, before)
        if min(rows, columns) < SMALLEST_PX:
            return Estimate(np.zeros((3, *self.grid), np.float32), area_mean(plain, self.grid))
        back = self._flow.calc(luma, before, np.zeros((rows, columns, 2), np.float32))
        from_x = back[..., 0] + np.arange(columns, dtype=np.float32)
        from_y = back[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
        moved = cv2.remap(before, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        left = cv2.absdiff(luma, moved)
        scale = np.array([picture_width / columns, picture_height / rows], np.float32)
        motion = np.ones((3, *self.grid), np.float32)
        for axis in (0, 1):
            motion[axis] = area_mean(back[..., axis], self.grid) * -scale[axis]
        if plain.mean() > SCENE_CHANGE_GREYS and left.mean() > SCENE_CHANGE_SHARE * plain.mean():
            motion[:] = 0
        return Estimate(motion, area_mean(left, self.grid))


def flow_divisor(settings: FlowConfig, *, width: int) -> int:
    """How much luma is reduced so that it is about `width_px` wide."""
    return max(1, round(width / settings.width_px))
