"""What a vector is foreseen to be from those around it [1, section 8.4.1.3], and where vectors are written down.

Vectors are packed, 16 bits for each component, y above: one number to store, and equal where both are.

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import inlined
from codecsense.codecs.h264.neighbours import fill
from codecsense.codecs.h264.registers import (
    ACROSS,
    AT_REFERENCES,
    IDENTITY,
    MISSING,
    NUM_QUARTERS,
    NUM_SQUARES,
    QUARTER_STRIDE,
    QUARTERS,
    QUARTERS_SIZE,
    X,
    Y,
)

MEDIAN, FROM_LEFT, FROM_ABOVE, FROM_CORNER = range(4)
# Squares of a macroblock in the order in which they are coded, by row and column.
ORDER = np.array([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15], np.int64)


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def pack(x: int, y: int) -> int:
    """Both components in one number; they wrap at 16 bits, as the standard's range does."""
    return (x & 0xFFFF) | (((y & 0xFFFF) ^ 0x8000) - 0x8000) << 16


@inlined
@no_type_check
def right(vector: int) -> int:
    """The component to the right."""
    return ((vector & 0xFFFF) ^ 0x8000) - 0x8000


@inlined
@no_type_check
def reference_at(registers: np.ndarray, contexts: np.ndarray, list_number: int, x: int, y: int) -> int:
    """The reference of a square, counted from the macroblock's first."""
    at = registers[AT_REFERENCES] + list_number * registers[QUARTERS_SIZE] + registers[QUARTERS]
    return np.int64(contexts[at + (y >> 1) * registers[QUARTER_STRIDE] + (x >> 1)])


@inlined
@no_type_check
def square_in_motion(registers: np.ndarray, list_number: int, x: int, y: int) -> int:
    """Where the vector of a square lies, counted from the macroblock's first."""
    row = 4 * registers[Y] + y
    return list_number * registers[NUM_SQUARES] + row * 4 * registers[ACROSS] + 4 * registers[X] + x


@inlined
@no_type_check
def foresee(
    registers: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    list_number: int,
    x: int,
    y: int,
    width: int,
    reference: int,
    way: int,
) -> int:
    """The vector that is expected of a block of `width` squares whose first is at (`x`, `y`) of the macroblock."""
    here = square_in_motion(registers, list_number, x, y)
    stride = 4 * registers[ACROSS]
    left_reference = reference_at(registers, contexts, list_number, x - 1, y)
    left = np.int64(motion[here - 1]) if left_reference >= 0 else 0
    if way == FROM_LEFT and left_reference == reference:
        return left
    above_reference = reference_at(registers, contexts, list_number, x, y - 1)
    above = np.int64(motion[here - stride]) if above_reference >= 0 else 0
    if way == FROM_ABOVE and above_reference == reference:
        return above
    corner_reference, at = MISSING, here - stride + width
    if _is_coded(x, y, width):
        corner_reference = reference_at(registers, contexts, list_number, x + width, y - 1)
    if corner_reference == MISSING:
        corner_reference, at = reference_at(registers, contexts, list_number, x - 1, y - 1), here - stride - 1
    corner = np.int64(motion[at]) if corner_reference >= 0 else 0
    if way == FROM_CORNER and corner_reference == reference:
        return corner
    if above_reference == MISSING and corner_reference == MISSING and left_reference != MISSING:
        return left
    same = (left_reference == reference) + 2 * (above_reference == reference) + 4 * (corner_reference == reference)
    if same == 1:
        return left
    if same == 2:
        return above
    if same == 4:
        return corner
    return pack(_median(right(left), right(above), right(corner)), _median(left >> 16, above >> 16, corner >> 16))


@inlined
@no_type_check
def _is_coded(x: int, y: int, width: int) -> bool:
    """Whether the square above and to the right comes earlier; those of the row above the macroblock do."""
    if y == 0:
        return True
    if x + width > 3:
        return False
    return ORDER[4 * (y - 1) + x + width] < ORDER[4 * y + x]


@inlined
@no_type_check
def _median(a: int, b: int, c: int) -> int:
    return max(min(a, b), min(max(a, b), c))


@inlined
@no_type_check
def write_vector(
    registers: np.ndarray,
    motion: np.ndarray,
    list_number: int,
    x: int,
    y: int,
    width: int,
    height: int,
    vector: int,
) -> None:
    """The vector of a block, in squares."""
    fill(motion, square_in_motion(registers, list_number, x, y), 4 * registers[ACROSS], height, width, vector)


@inlined
@no_type_check
def write_reference(
    registers: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    list_number: int,
    x: int,
    y: int,
    width: int,
    height: int,
    reference: int,
) -> None:
    """The reference of a block, in quarters: to its neighbours, and for good with the picture that it is."""
    offset = registers[QUARTERS] + y * registers[QUARTER_STRIDE] + x
    at = registers[AT_REFERENCES] + list_number * registers[QUARTERS_SIZE] + offset
    fill(contexts, at, registers[QUARTER_STRIDE], height, width, reference)
    across = 2 * registers[ACROSS]
    place = 2 * registers[NUM_SQUARES] + list_number * registers[NUM_QUARTERS]
    place += (2 * registers[Y] + y) * across + 2 * registers[X] + x
    fill(motion, place, across, height, width, reference)
    identity = registers[IDENTITY + 32 * list_number + reference] if reference >= 0 else -1
    fill(motion, place + 2 * registers[NUM_QUARTERS], across, height, width, identity)
