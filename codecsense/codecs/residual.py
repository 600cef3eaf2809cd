"""What motion leaves unexplained: the mean absolute luma difference after motion compensation.

It is not the coded residual, which no decoder hands out. Warping the previous picture by the vectors as coded,
as the report's formula says, is unsound because they point to another picture; `compensated` therefore moves
the previous picture by the velocity, and `naive` keeps the formula for the ablation. Luma is reduced first:
a quarter of the resolution costs a twentieth of the time.
"""

from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt, UInt8
from numba import njit

from codecsense.codecs import Grid
from codecsense.codecs.grid import RASTER_PX, Raster
from codecsense.codecs.settings import ResidualConfig

AREA = cv2.INTER_AREA


def luma_divisor(settings: ResidualConfig, *, width: int, height: int, grid: Grid) -> int:
    """How much luma is reduced: as configured, but never below `min_samples_per_cell` along a cell's side."""
    divisor = settings.luma_divisor
    while divisor > 1 and min(width / grid.columns, height / grid.rows) / divisor < settings.min_samples_per_cell:
        divisor //= 2
    return divisor


def reduced_luma(plane: np.ndarray, divisor: int) -> UInt[np.ndarray, "rows columns"]:
    """A copy of luma, of 8 bits or more, reduced by averaging squares of `divisor` pixels.

    Halves are taken one after another: OpenCV averages 2 x 2 eight times faster than 4 x 4 at once.
    """
    height, width = plane.shape
    size = (max(1, width // divisor), max(1, height // divisor))
    while divisor % 2 == 0 and min(plane.shape) >= 4:
        height, width = plane.shape
        plane = cv2.resize(plane[: height // 2 * 2, : width // 2 * 2], (width // 2, height // 2), interpolation=AREA)
        divisor //= 2
    if (plane.shape[1], plane.shape[0]) != size:
        plane = cv2.resize(plane, size, interpolation=AREA)
    return plane.copy() if plane.base is not None else plane


class Compensator:
    """Motion compensation at one luma size; knows which luma samples every raster square holds."""

    def __init__(self, *, rows: int, columns: int, raster: Raster) -> None:
        self.raster = raster
        self.scale = np.array([columns / raster.width, rows / raster.height], np.float32)[:, None, None]
        self.row_edges = _edges(raster.rows, rows, rows / raster.height)
        self.column_edges = _edges(raster.columns, columns, columns / raster.width)

    def residual(
        self,
        luma: UInt8[np.ndarray, "rows columns"],
        before: UInt8[np.ndarray, "rows columns"],
        shift: Float32[np.ndarray, "2 squares_down squares_across"],
    ) -> Float32[np.ndarray, "grid_rows grid_columns"]:
        """Mean |luma - before moved by `shift`| per grid cell; `shift` in px of the full picture."""
        left = np.zeros((1, self.raster.rows, self.raster.columns), np.float32)
        _compensate(luma, before, shift * self.scale, self.row_edges, self.column_edges, left[0])
        return self.raster.pool(left)[0]


def _edges(squares: int, samples: int, scale: float) -> Int64[np.ndarray, " edges"]:
    """The first luma sample of each raster square along one side, and the end of the last."""
    edges = np.ceil(np.arange(squares + 1) * RASTER_PX * scale - 1e-6)
    return np.minimum(edges, samples).astype(np.int64)


@njit(cache=True)
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _compensate(
    luma: np.ndarray,
    before: np.ndarray,
    shift: np.ndarray,
    row_edges: np.ndarray,
    column_edges: np.ndarray,
    left: np.ndarray,
) -> None:
    """Mean |luma - before moved| of every square; all samples of a square move alike, so shifts are split once."""
    rows, columns = luma.shape
    for square_row in range(left.shape[0]):
        top, bottom = row_edges[square_row], row_edges[square_row + 1]
        for square_column in range(left.shape[1]):
            first, last = column_edges[square_column], column_edges[square_column + 1]
            if bottom <= top or last <= first:
                continue
            x, y = -shift[0, square_row, square_column], -shift[1, square_row, square_column]
            across, down = int(np.floor(x)), int(np.floor(y))
            here, there = luma[top:bottom, first:last], (top + down, first + across)
            if x == 0 and y == 0:
                total = _difference(here, before[top:bottom, first:last])
            elif min(there) >= 0 and bottom + down < rows and last + across < columns:
                seen = before[there[0] : bottom + down + 1, there[1] : last + across + 1]
                total = _moved_difference(here, seen, np.float32(x - across), np.float32(y - down))
            else:
                total = _moved_difference(
                    here, _repeated(before, there, here.shape), np.float32(x - across), np.float32(y - down)
                )
            left[square_row, square_column] = total / here.size


@njit(cache=True)
@no_type_check
def _difference(luma: np.ndarray, before: np.ndarray) -> float:
    total = np.int32(0)
    for row in range(luma.shape[0]):
        for column in range(luma.shape[1]):
            total += abs(np.int32(luma[row, column]) - np.int32(before[row, column]))
    return np.float32(total)


@njit(cache=True)
@no_type_check
def _moved_difference(luma: np.ndarray, before: np.ndarray, right: float, down: float) -> float:
    """Bilinear samples between each place of `before` and its neighbours to the right and below."""
    total = np.float32(0)
    for row in range(luma.shape[0]):
        for column in range(luma.shape[1]):
            corner, lower = np.float32(before[row, column]), np.float32(before[row + 1, column])
            above = corner + right * (before[row, column + 1] - corner)
            below = lower + right * (before[row + 1, column + 1] - lower)
            total += abs(luma[row, column] - (above + down * (below - above)))
    return total


@njit(cache=True)
@no_type_check
def _repeated(before: np.ndarray, start: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """A square of `before`, one sample larger than `shape`; beyond the edge the edge repeats."""
    found = np.empty((shape[0] + 1, shape[1] + 1), before.dtype)
    for row in range(shape[0] + 1):
        for column in range(shape[1] + 1):
            from_row = min(max(start[0] + row, 0), before.shape[0] - 1)
            from_column = min(max(start[1] + column, 0), before.shape[1] - 1)
            found[row, column] = before[from_row, from_column]
    return found


def area_mean(plane: np.ndarray, grid: Grid) -> Float32[np.ndarray, "grid_rows grid_columns"]:
    """The mean of `plane` over each cell of the grid."""
    if plane.shape[0] < grid.rows or plane.shape[1] < grid.columns:
        plane = cv2.resize(plane, (max(grid.columns, plane.shape[1]), max(grid.rows, plane.shape[0])))
    return cv2.resize(plane.astype(np.float32), (grid.columns, grid.rows), interpolation=cv2.INTER_AREA)
