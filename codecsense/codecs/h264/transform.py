"""The residual picture: inverse transforms of the coefficients, with nothing predicted [1, section 8.5.12 and 8.5.13].

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import kernel


@kernel
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def add_transformed(
    levels: np.ndarray, eight: np.ndarray, residual: np.ndarray, work: np.ndarray, across: int, down: int
) -> None:
    """The residual, rounded as a decoder rounds it; `eight` says which macroblocks have 8 x 8 transforms."""
    stride = 16 * across
    for number in range(across * down):
        first = (number // across) * 16 * stride + (number % across) * 16
        size = 8 if eight[number] else 4
        for row in range(0, 16, size):
            for column in range(0, 16, size):
                _transform(levels, residual, work, first + row * stride + column, stride, size)


@kernel
@no_type_check
def _transform(levels: np.ndarray, residual: np.ndarray, work: np.ndarray, first: int, stride: int, size: int) -> None:
    found = 0
    for row in range(size):
        for column in range(size):
            level = np.int64(levels[first + row * stride + column])
            work[row * size + column] = level
            found |= level
    if found == 0:
        return
    for row in range(size):
        _line(work, row * size, 1, size)
    for column in range(size):
        _line(work, column, size, size)
    for row in range(size):
        for column in range(size):
            residual[first + row * stride + column] = (work[row * size + column] + 32) >> 6


@kernel
@no_type_check
def _line(work: np.ndarray, at: int, step: int, size: int) -> None:
    if size == 4:
        _four(work, at, step)
    else:
        _eight(work, at, step)


@kernel
@no_type_check
def _four(work: np.ndarray, at: int, step: int) -> None:
    one, two, three, four = work[at], work[at + step], work[at + 2 * step], work[at + 3 * step]
    even, odd = one + three, one - three
    less, more = (two >> 1) - four, two + (four >> 1)
    work[at], work[at + step] = even + more, odd + less
    work[at + 2 * step], work[at + 3 * step] = odd - less, even - more


@kernel
@no_type_check
def _eight(work: np.ndarray, at: int, step: int) -> None:
    i0, i1, i2, i3 = work[at], work[at + step], work[at + 2 * step], work[at + 3 * step]
    at += 4 * step
    i4, i5, i6, i7 = work[at], work[at + step], work[at + 2 * step], work[at + 3 * step]
    a, c = i0 + i4, i0 - i4
    e, g = (i2 >> 1) - i6, i2 + (i6 >> 1)
    b0, b2, b4, b6 = a + g, c + e, c - e, a - g
    d1, d3 = -i3 + i5 - i7 - (i7 >> 1), i1 + i7 - i3 - (i3 >> 1)
    d5, d7 = -i1 + i7 + i5 + (i5 >> 1), i3 + i5 + i1 + (i1 >> 1)
    b1, b7 = d1 + (d7 >> 2), d7 - (d1 >> 2)
    b3, b5 = d3 + (d5 >> 2), (d3 >> 2) - d5
    work[at], work[at + step], work[at + 2 * step], work[at + 3 * step] = b6 - b1, b4 - b3, b2 - b5, b0 - b7
    at -= 4 * step
    work[at], work[at + step], work[at + 2 * step], work[at + 3 * step] = b0 + b7, b2 + b5, b4 + b3, b6 + b1
