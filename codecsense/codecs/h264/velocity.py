"""From vectors and their true references to velocities on the raster, and from coded energy to a residual there."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from codecsense.codecs.grid import Raster
from codecsense.codecs.h264.registers import EIGHTS
from codecsense.codecs.h264.stream import Picture

SAMPLES_OF_QUARTER = 64


def velocities(
    picture: Picture, shown_at: Float64[np.ndarray, " pictures"], raster: Raster
) -> Float32[np.ndarray, "3 squares_down squares_across"]:
    """Pixels per frame interval, x right and y down, and 1 where a vector says so; both lists count the same.

    `shown_at` is when each picture is shown, in frame intervals, by its identity.
    """
    planes = np.zeros((3, raster.rows, raster.columns), np.float32)
    _lay(picture.vectors, picture.references, picture.shapes, shown_at, picture.identity, planes)
    return planes


def residual(picture: Picture, raster: Raster) -> Float32[np.ndarray, "1 squares_down squares_across"]:
    """Root mean square of the coded luma residual, in grey levels."""
    rows, columns = picture.energy.shape
    energy = picture.energy.reshape(rows // 2, 2, columns // 2, 2).sum((1, 3))
    return np.sqrt(energy[None, : raster.rows, : raster.columns] / np.float32(SAMPLES_OF_QUARTER))


@njit(cache=True)
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _lay(
    vectors: np.ndarray,
    references: np.ndarray,
    shapes: np.ndarray,
    shown_at: np.ndarray,
    identity: int,
    planes: np.ndarray,
) -> None:
    """The mean over the squares of a quarter and over both lists, each divided by the distance to its own picture."""
    now = shown_at[identity]
    for row in range(planes.shape[1]):
        for column in range(planes.shape[2]):
            num_squares = 4 if shapes[row >> 1, column >> 1] == EIGHTS else 1
            x = y = lists = np.float32(0)
            for number in range(2):
                reference = references[number, row, column]
                if reference < 0 or shown_at[reference] == now:
                    continue
                across = down = 0
                for square in range(num_squares):
                    vector = vectors[number, 2 * row + (square >> 1), 2 * column + (square & 1)]
                    across += vector[0]
                    down += vector[1]
                scale = np.float32(1 / (4 * num_squares * (shown_at[reference] - now)))
                x += across * scale
                y += down * scale
                lists += np.float32(1)
            if lists > 0:
                planes[0, row, column] = x / lists
                planes[1, row, column] = y / lists
                planes[2, row, column] = 1
