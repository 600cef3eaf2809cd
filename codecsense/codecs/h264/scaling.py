"""How levels become coefficients, and what a coefficient weighs in the residual's energy [1, section 8.5].

The inverse transforms have orthogonal rows of known length, so the energy of a block is a weighted sum of squared
levels (Parseval) and no transform is needed. Energy is the sum of squared luma residual samples.

References:
    [1] ITU-T H.264, tables 7-3 and 7-4 (default scaling), equations 8-312 to 8-318 (norms), 8-336 and 8-353 (scaling).
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64

NUM_QPS = 52
NORMS_4X4 = np.array([[10, 16, 13], [11, 18, 14], [13, 20, 16], [14, 23, 18], [16, 25, 20], [18, 29, 23]])
NORMS_8X8 = np.array(
    [
        [20, 18, 32, 19, 25, 24],
        [22, 19, 35, 21, 28, 26],
        [26, 23, 42, 24, 33, 31],
        [28, 25, 45, 26, 35, 33],
        [32, 28, 51, 30, 40, 38],
        [36, 32, 58, 34, 46, 43],
    ]
)
LENGTHS_4X4 = np.array([4, 2.5, 4, 2.5])  # squared lengths of the rows of the inverse transform
LENGTHS_8X8 = np.array([8, 9.03125, 5, 9.03125, 8, 9.03125, 5, 9.03125])

DEFAULTS_4X4 = (
    (6, 13, 13, 20, 20, 20, 28, 28, 28, 28, 32, 32, 32, 37, 37, 42),
    (10, 14, 14, 20, 20, 20, 24, 24, 24, 24, 27, 27, 27, 30, 30, 34),
)
DEFAULTS_8X8 = tuple(
    tuple(int(number) for number in text.split())
    for text in (
        "6 10 10 13 11 13 16 16 16 16 18 18 18 18 18 23 23 23 23 23 23 25 25 25 25 25 25 25 27 27 27 27 27 27 27 27 "
        "29 29 29 29 29 29 29 31 31 31 31 31 31 33 33 33 33 33 36 36 36 36 38 38 38 40 40 42",
        "9 13 13 15 13 15 17 17 17 17 19 19 19 19 19 21 21 21 21 21 21 22 22 22 22 22 22 22 24 24 24 24 24 24 24 24 "
        "25 25 25 25 25 25 25 27 27 27 27 27 27 28 28 28 28 28 30 30 30 30 32 32 32 33 33 35",
    )
)


def zigzag(size: int) -> Int64[np.ndarray, " places"]:
    """Raster place of each coefficient in scan order."""
    places = [(row, column) for row in range(size) for column in range(size)]
    places.sort(key=lambda place: (sum(place), place[0] if sum(place) % 2 else place[1]))
    return np.array([size * row + column for row, column in places])


ZIGZAG_4X4, ZIGZAG_8X8 = zigzag(4), zigzag(8)
PLACES_OF_8X8 = 2 * NUM_QPS * 16  # where the 8 x 8 tables begin, after those of intra and inter 4 x 4


class Scaling(NamedTuple):
    """Scaling lists in scan order: intra and inter luma, 4 x 4 and 8 x 8."""

    squares: tuple[tuple[int, ...], tuple[int, ...]]
    quarters: tuple[tuple[int, ...], tuple[int, ...]]


class Scales:
    """Both tables of one parameter set, flat: [intra, inter] x quantiser x scan place, 4 x 4 and then 8 x 8.

    `factors` are the integer scales (equation 8-336 without its shift), `weights` the energy of a level of one.
    """

    def __init__(self, scaling: Scaling) -> None:
        self.scaling = scaling

    @cached_property
    def factors(self) -> Int32[np.ndarray, " places"]:
        """LevelScale."""
        squares = [_factors(scale, NORMS_4X4, _kind_4x4(), ZIGZAG_4X4) for scale in self.scaling.squares]
        quarters = [_factors(scale, NORMS_8X8, _kind_8x8(), ZIGZAG_8X8) for scale in self.scaling.quarters]
        return np.concatenate([np.ravel(table) for table in (*squares, *quarters)]).astype(np.int32)

    @cached_property
    def weights(self) -> Float32[np.ndarray, " places"]:
        """Summed squares of the residual samples that a level of one makes."""
        exact = self.factors.astype(np.float64)
        steps = 2.0 ** (np.arange(NUM_QPS) // 6)
        squares = exact[:PLACES_OF_8X8].reshape(2, NUM_QPS, 16) * steps[:, None] / 16 / 64
        quarters = exact[PLACES_OF_8X8:].reshape(2, NUM_QPS, 64) * steps[:, None] / 64 / 64
        squares = squares**2 * _energy(LENGTHS_4X4, ZIGZAG_4X4)
        quarters = quarters**2 * _energy(LENGTHS_8X8, ZIGZAG_8X8)
        return np.concatenate([squares.ravel(), quarters.ravel()]).astype(np.float32)


def _factors(
    scale: tuple[int, ...], norms: np.ndarray, kind: np.ndarray, scan: np.ndarray
) -> Int64[np.ndarray, "qps p"]:
    return np.stack([np.array(scale) * norms[qp % 6][kind[scan]] for qp in range(NUM_QPS)])


def _energy(lengths: np.ndarray, scan: np.ndarray) -> Float64[np.ndarray, " places"]:
    return np.outer(lengths, lengths).ravel()[scan]


def _kind_4x4() -> Int64[np.ndarray, "16"]:
    """Which of three norms a raster place has."""
    row, column = np.divmod(np.arange(16), 4)
    return np.where((row % 2 == 0) & (column % 2 == 0), 0, np.where((row % 2 == 1) & (column % 2 == 1), 1, 2))


def _kind_8x8() -> Int64[np.ndarray, "64"]:
    """Which of six norms a raster place has."""
    row, column = np.divmod(np.arange(64), 8)
    kind = np.full(64, 5)
    row4, column4, row2, column2 = row % 4, column % 4, row % 2, column % 2
    kind[(row4 == 0) & (column4 == 0)] = 0
    kind[(row2 == 1) & (column2 == 1)] = 1
    kind[(row4 == 2) & (column4 == 2)] = 2
    kind[((row4 == 0) & (column2 == 1)) | ((row2 == 1) & (column4 == 0))] = 3
    kind[((row4 == 0) & (column4 == 2)) | ((row4 == 2) & (column4 == 0))] = 4
    return kind
