"""From vectors and their true references to velocities on the raster, and from coded energy to a residual there."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from codecsense.codecs.grid import Raster
from codecsense.codecs.h264.registers import AT_SHAPE, EIGHTS
from codecsense.codecs.h264.stream import Picture

SAMPLES_OF_QUARTER = 64


def velocities(
    picture: Picture, shown_at: Float64[np.ndarray, " pictures"], raster: Raster
) -> Float32[np.ndarray, "3 squares_down squares_across"]:
    """Pixels per frame interval, x right and y down, and 1 where a vector says so; both lists count the same.

    `shown_at` is when each picture is shown, in frame intervals, by its identity.
    """
    planes = np.zeros((3, raster.rows, raster.columns), np.float32)
    _lay(picture.motion, picture.layout.across, picture.layout.down, shown_at, picture.identity, planes)
    return planes


def residual(picture: Picture, raster: Raster) -> Float32[np.ndarray, "1 squares_down squares_across"]:
    """Root mean square of the coded luma residual, in grey levels."""
    energy = picture.energy[::2] + picture.energy[1::2]
    energy = energy[:, ::2] + energy[:, 1::2]
    return np.sqrt(energy[None, : raster.rows, : raster.columns] / np.float32(SAMPLES_OF_QUARTER))


@njit(cache=True, error_model="numpy")
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _lay(motion: np.ndarray, across: int, down: int, shown_at: np.ndarray, identity: int, planes: np.ndarray) -> None:
    """The mean over the squares of a quarter and over both lists, each divided by the distance to its own picture.

    Neighbours mostly point to the same picture, so a distance is turned into a scale only when it changes.
    """
    num, now = across * down, shown_at[identity]
    squares, quarters = motion[: 32 * num].reshape(2, 4 * down, 4 * across), motion[40 * num : 48 * num]
    references, about = quarters.reshape(2, 2 * down, 2 * across), motion[48 * num :].reshape(down, across)
    known, scale = np.full(2, -1), np.zeros(2, np.float32)
    for row in range(planes.shape[1]):
        for column in range(planes.shape[2]):
            many = about[row >> 1, column >> 1] >> AT_SHAPE & 15 == EIGHTS
            x = y = lists = np.float32(0)
            for number in range(2):
                reference = references[number, row, column]
                if reference < 0:
                    continue
                if reference != known[number]:
                    distance = shown_at[reference] - now
                    known[number] = reference
                    scale[number] = 1 / (16 * distance) if distance != 0 else 0
                if scale[number] == 0:
                    continue
                vector = squares[number, 2 * row, 2 * column]
                right, below = 4 * np.int32(np.int16(vector)), 4 * (vector >> 16)
                if many:
                    second = squares[number, 2 * row, 2 * column + 1]
                    third, fourth = (
                        squares[number, 2 * row + 1, 2 * column],
                        squares[number, 2 * row + 1, 2 * column + 1],
                    )
                    right = np.int32(np.int16(vector)) + np.int16(second) + np.int16(third) + np.int16(fourth)
                    below = (vector >> 16) + (second >> 16) + (third >> 16) + (fourth >> 16)
                x += np.float32(right) * scale[number]
                y += np.float32(below) * scale[number]
                lists += np.float32(1)
            if lists > 0:
                planes[0, row, column] = x / lists
                planes[1, row, column] = y / lists
                planes[2, row, column] = 1
