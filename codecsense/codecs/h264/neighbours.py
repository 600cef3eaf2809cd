"""Where a macroblock lies in the arenas, and what of its surroundings belongs to its slice.

References:
    [1] ITU-T H.264, sections 6.4.9 to 6.4.13.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import inlined, kernel
from codecsense.codecs.h264.registers import (
    ACROSS,
    AT_BLUE,
    AT_DIFFERENCES,
    AT_POSITIVE,
    AT_RED,
    AT_REFERENCES,
    AT_SQUARES,
    BLUE,
    CHROMA_STRIDE,
    DIFFERENCES_SIZE,
    FIRST,
    HERE,
    MISSING,
    NUMBER,
    OUTSIDE,
    QUARTER_STRIDE,
    QUARTERS,
    QUARTERS_SIZE,
    RED,
    SQUARE_STRIDE,
    SQUARES,
    STRIDE,
    X,
    Y,
)


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def place(registers: np.ndarray, number: int) -> None:
    """Where everything of macroblock `number` lies."""
    across = registers[ACROSS]
    y = number // across
    x = number - y * across
    registers[NUMBER], registers[X], registers[Y] = number, x, y
    registers[HERE] = (y + 1) * registers[STRIDE] + x + 1
    square = (4 * y + 1) * registers[SQUARE_STRIDE] + 4 * x + 1
    chroma = (2 * y + 1) * registers[CHROMA_STRIDE] + 2 * x + 1
    registers[SQUARES] = square
    registers[BLUE] = registers[AT_BLUE] + chroma
    registers[RED] = registers[AT_RED] + chroma
    registers[QUARTERS] = (2 * y + 1) * registers[QUARTER_STRIDE] + 2 * x + 1


@inlined
@no_type_check
def step_right(registers: np.ndarray) -> None:
    """The same of the next macroblock, which is most often the one to the right."""
    if registers[X] + 1 == registers[ACROSS]:
        place(registers, registers[NUMBER] + 1)
        return
    registers[NUMBER] += 1
    registers[X] += 1
    registers[HERE] += 1
    registers[SQUARES] += 4
    registers[BLUE] += 2
    registers[RED] += 2
    registers[QUARTERS] += 2


@kernel
@no_type_check
def forget(registers: np.ndarray, contexts: np.ndarray) -> None:
    """Close off what came before the slice: a row of macroblocks and one more."""
    first = registers[FIRST]
    for number in range(max(0, first - registers[ACROSS] - 1), first):
        place(registers, number)
        contexts[registers[HERE]] = 0
        _forget_levels(registers, contexts)
        _forget_motion(registers, contexts)


@kernel
@no_type_check
def _forget_levels(registers: np.ndarray, contexts: np.ndarray) -> None:
    fill(contexts, registers[AT_SQUARES] + registers[SQUARES], registers[SQUARE_STRIDE], 4, 4, OUTSIDE)
    fill(contexts, registers[BLUE], registers[CHROMA_STRIDE], 2, 2, OUTSIDE)
    fill(contexts, registers[RED], registers[CHROMA_STRIDE], 2, 2, OUTSIDE)


@kernel
@no_type_check
def _forget_motion(registers: np.ndarray, contexts: np.ndarray) -> None:
    for number in range(2):
        quarter = registers[QUARTERS] + number * registers[QUARTERS_SIZE]
        fill(contexts, registers[AT_REFERENCES] + quarter, registers[QUARTER_STRIDE], 2, 2, MISSING)
        fill(contexts, registers[AT_POSITIVE] + quarter, registers[QUARTER_STRIDE], 2, 2, 0)
        square = registers[AT_DIFFERENCES] + number * registers[DIFFERENCES_SIZE] + registers[SQUARES]
        fill(contexts, square, registers[SQUARE_STRIDE], 4, 4, 0)


@inlined
@no_type_check
def fill(into: np.ndarray, start: int, stride: int, rows: int, columns: int, value: int) -> None:
    """One value over a rectangle of an arena, of 1, 2 or 4 columns; written out, since so short a loop costs more."""
    for row in range(rows):
        at = start + row * stride
        into[at] = value
        if columns > 1:
            into[at + 1] = value
        if columns > 2:
            into[at + 2] = value
            into[at + 3] = value


@inlined
@no_type_check
def edge(into: np.ndarray, start: int, stride: int, size: int, value: int) -> None:
    """One value over the last row and the last column of a square, which is all that others look at."""
    last = start + (size - 1) * stride
    for number in range(size):
        into[last + number] = value
        into[start + number * stride + size - 1] = value
