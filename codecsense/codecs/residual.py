"""What motion leaves unexplained: the mean absolute luma difference after motion compensation.

It is not the coded residual, which no decoder hands out. Warping the previous picture by the vectors as coded,
as the report's formula says, is unsound because they point to another picture; `compensated` therefore moves
the previous picture by the velocity, and `naive` keeps the formula for the ablation. Luma is reduced first:
a quarter of the resolution costs a twentieth of the time.
"""

from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Float32, UInt, UInt8
from numba import njit

from codecsense.codecs import Grid
from codecsense.codecs.grid import RASTER_PX
from codecsense.codecs.settings import ResidualConfig


def luma_divisor(settings: ResidualConfig, *, width: int, height: int, grid: Grid) -> int:
    """How much luma is reduced: as configured, but never below `min_samples_per_cell` along a cell's side."""
    divisor = settings.luma_divisor
    while divisor > 1 and min(width / grid.columns, height / grid.rows) / divisor < settings.min_samples_per_cell:
        divisor //= 2
    return divisor


def reduced_luma(plane: np.ndarray, divisor: int) -> UInt[np.ndarray, "rows columns"]:
    """A copy of luma, of 8 bits or more, reduced by averaging squares of `divisor` pixels."""
    if divisor == 1:
        return plane.copy()
    height, width = plane.shape
    size = (max(1, width // divisor), max(1, height // divisor))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


class Compensator:
    """Motion compensation at one luma size; knows which raster square every luma sample lies in."""

    def __init__(self, *, rows: int, columns: int, picture_width: int, picture_height: int, grid: Grid) -> None:
        self.grid = grid
        self.scale_x, self.scale_y = columns / picture_width, rows / picture_height
        self.square_of_row = (np.arange(rows) / self.scale_y).astype(np.int64) // RASTER_PX
        self.square_of_column = (np.arange(columns) / self.scale_x).astype(np.int64) // RASTER_PX

    def residual(
        self,
        luma: UInt8[np.ndarray, "rows columns"],
        before: UInt8[np.ndarray, "rows columns"],
        shift: Float32[np.ndarray, "2 squares_down squares_across"],
    ) -> Float32[np.ndarray, "grid_rows grid_columns"]:
        """Mean |luma - before moved by `shift`| per grid cell; `shift` in px of the full picture."""
        if not shift.any():
            return area_mean(cv2.absdiff(luma, before), self.grid)
        shift = shift * np.array([self.scale_x, self.scale_y], np.float32)[:, None, None]
        difference = np.empty(luma.shape, np.float32)
        _compensated_difference(luma, before, shift, self.square_of_row, self.square_of_column, difference)
        return area_mean(difference, self.grid)


@njit(cache=True)
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _compensated_difference(
    luma: np.ndarray,
    before: np.ndarray,
    shift: np.ndarray,
    square_of_row: np.ndarray,
    square_of_column: np.ndarray,
    difference: np.ndarray,
) -> None:
    """|luma - before moved by `shift`| with bilinear sampling; beyond the edge the edge repeats."""
    rows, columns = luma.shape
    for row in range(rows):
        for column in range(columns):
            square_row, square_column = square_of_row[row], square_of_column[column]
            shift_x, shift_y = shift[0, square_row, square_column], shift[1, square_row, square_column]
            if shift_x == 0.0 and shift_y == 0.0:
                difference[row, column] = abs(np.int32(luma[row, column]) - np.int32(before[row, column]))
                continue
            x, y = min(max(column - shift_x, 0.0), columns - 1.0), min(max(row - shift_y, 0.0), rows - 1.0)
            left, top = int(x), int(y)
            right, below = min(left + 1, columns - 1), min(top + 1, rows - 1)
            across, down = x - left, y - top
            upper = before[top, left] + across * (np.float32(before[top, right]) - before[top, left])
            lower = before[below, left] + across * (np.float32(before[below, right]) - before[below, left])
            difference[row, column] = abs(luma[row, column] - (upper + down * (lower - upper)))


def area_mean(plane: np.ndarray, grid: Grid) -> Float32[np.ndarray, "grid_rows grid_columns"]:
    """The mean of `plane` over each cell of the grid."""
    if plane.shape[0] < grid.rows or plane.shape[1] < grid.columns:
        plane = cv2.resize(plane, (max(grid.columns, plane.shape[1]), max(grid.rows, plane.shape[0])))
    return cv2.resize(plane.astype(np.float32), (grid.columns, grid.rows), interpolation=cv2.INTER_AREA)
