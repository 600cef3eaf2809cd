"""The levels of one block as CABAC writes them: which places, then which values [1, section 7.3.5.3.3].

Most bins of a stream are read here, so the decoder's state stays in local variables from the first bin to the last.

References:
    [1] ITU-T H.264, sections 7.3.5.3.3 and 9.3.3.1.3, table 9-43.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.cabac import even, step
from codecsense.codecs.h264.cabac_tables import read_numbers
from codecsense.codecs.h264.kernels import kernel
from codecsense.codecs.h264.registers import BAD_SYNTAX, BITS, COEFFICIENTS, END, ERROR, PAIRS, PLACE, RANGE, VALUE

DC_16X16, AC_16X16, SQUARE, CHROMA_DC, CHROMA_AC, QUARTER = range(6)
FIRST_CODED = np.array([85, 89, 93, 97, 101], np.int64)
FIRST_PLACE = np.array([105, 120, 134, 149, 152, 402], np.int64)
FIRST_LAST = np.array([166, 181, 195, 210, 213, 417], np.int64)
FIRST_SIZE = np.array([227, 237, 247, 257, 266, 426], np.int64)
PLACE_OF_8X8 = read_numbers(
    "0 1 2 3 4 5 5 4 4 3 3 4 4 4 5 5 4 4 4 4 3 3 6 7 7 7 8 9 10 9 8 7 7 6 11 12 13 11 6 7 8 9 14 10 9 8 6 11 "
    "12 13 11 6 9 14 10 9 11 12 13 11 14 10 12",
    np.int64,
)
LAST_OF_8X8 = np.array([0, *[1] * 15, *[2] * 16, *[3] * 8, *[4] * 8, *[5] * 4, *[6] * 4, *[7] * 4, *[8] * 3], np.int64)
# By place, for blocks whose contexts are numbered like their places, and for 8 x 8 ones.
PLACES = np.concatenate([np.arange(64), PLACE_OF_8X8, [0]])
LASTS = np.concatenate([np.arange(64), LAST_OF_8X8, [0]])
MOST_IN_UNARY = 14
MAX_PREFIX = 24


@kernel
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def read_block(data: np.ndarray, registers: np.ndarray, states: np.ndarray, kind: int, most: int) -> int:
    """Levels into `COEFFICIENTS`, their places in scan order into `PAIRS`; how many there are."""
    width, value = registers[RANGE], registers[VALUE]
    bits, place, end = registers[BITS], registers[PLACE], registers[END]
    total, at = 0, 0
    places, lasts = FIRST_PLACE[kind], FIRST_LAST[kind]
    row = 64 if kind == QUARTER else 0
    while at < most - 1:
        context = places + PLACES[row + at]
        found, width, value, bits, place = step(data, states, context, width, value, bits, place, end)
        if found:
            registers[PAIRS + total] = at
            total += 1
            context = lasts + LASTS[row + at]
            found, width, value, bits, place = step(data, states, context, width, value, bits, place, end)
            if found:
                break
        at += 1
    if at == most - 1:
        registers[PAIRS + total] = at
        total += 1
    sizes, most_above = FIRST_SIZE[kind], 4 - (kind == CHROMA_DC)
    ones, above = 0, 0
    for number in range(total - 1, -1, -1):
        context = sizes + (0 if above else min(4, 1 + ones))
        found, width, value, bits, place = step(data, states, context, width, value, bits, place, end)
        size = 1
        if found:
            context = sizes + 5 + min(most_above, above)
            above += 1
            size, width, value, bits, place = _size(data, states, context, width, value, bits, place, end)
        else:
            ones += 1
        negative, value, bits, place = even(data, width, value, bits, place, end)
        registers[COEFFICIENTS + number] = -size if negative else size
        if size == 0:
            registers[ERROR] = BAD_SYNTAX
    registers[RANGE], registers[VALUE], registers[BITS], registers[PLACE] = width, value, bits, place
    return total


@kernel
@no_type_check
def _size(
    data: np.ndarray, states: np.ndarray, context: int, width: int, value: int, bits: int, place: int, end: int
) -> tuple[int, int, int, int, int]:
    """A level's size, known to be two at least; 0 if its code never ends."""
    size, found = 2, 1
    while size <= MOST_IN_UNARY:
        found, width, value, bits, place = step(data, states, context, width, value, bits, place, end)
        if not found:
            return size, width, value, bits, place
        size += 1
    order = 0
    found, value, bits, place = even(data, width, value, bits, place, end)
    while found and order < MAX_PREFIX:
        size += 1 << order
        order += 1
        found, value, bits, place = even(data, width, value, bits, place, end)
    if order == MAX_PREFIX:
        return 0, width, value, bits, place
    for bit in range(order - 1, -1, -1):
        found, value, bits, place = even(data, width, value, bits, place, end)
        size += found << bit
    return size, width, value, bits, place
