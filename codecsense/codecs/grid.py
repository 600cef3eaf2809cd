"""From blocks of any size to a grid of fixed size, weighted by area.

Every codec that exports vectors does so for blocks made of 8 x 8 px squares, so a field is first laid on a
raster of such squares (`codecs.vectors`) and then averaged down, rows and columns apart: two small matrix
products with exact weights. Blocks beyond the picture (coded sizes are padded) are clipped by the weights.
"""

import numpy as np
from jaxtyping import Float32

from codecsense.codecs import Grid

RASTER_PX = 8


class Raster:
    """The 8 px raster of one picture size, and the weights that bring it down to the grid."""

    def __init__(self, *, width: int, height: int, grid: Grid) -> None:
        self.width, self.height, self.grid = width, height, grid
        self.rows = -(-height // RASTER_PX)
        self.columns = -(-width // RASTER_PX)
        self._down: np.ndarray = _overlap(cells=grid.rows, extent=height) * (grid.rows / height)
        self._across: np.ndarray = (_overlap(cells=grid.columns, extent=width) * (grid.columns / width)).T.copy()

    def pool(
        self, planes: Float32[np.ndarray, "channels rows columns"]
    ) -> Float32[np.ndarray, "channels grid_rows grid_columns"]:
        """The mean of `planes` over each cell of the grid, every pixel of the picture counting the same."""
        return np.asarray(self._down @ planes @ self._across, np.float32)


def _overlap(*, cells: int, extent: int) -> Float32[np.ndarray, "cells squares"]:
    """Pixels that each of `cells` equal stretches of `extent` shares with each raster square."""
    edges = np.linspace(0, extent, cells + 1)[:, None]
    starts = np.arange(0, extent, RASTER_PX)
    ends = np.minimum(starts + RASTER_PX, extent)
    shared = np.minimum(edges[1:], ends) - np.maximum(edges[:-1], starts)
    return np.asarray(np.maximum(shared, 0), np.float32)
