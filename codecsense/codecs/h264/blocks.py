"""The levels of one block as CABAC writes them: which places, then which values [1, section 7.3.5.3.3].

Most bins of a stream are read here, so the decoder's state stays in local variables from the first bin to the last.

References:
    [1] ITU-T H.264, sections 7.3.5.3.3 and 9.3.3.1.3, table 9-43.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.cabac_tables import LESS_RANGES, SHIFTS, TRANSITIONS, read_numbers
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
    while at < most - 1:
        context = places + (PLACE_OF_8X8[at] if kind == QUARTER else at)
        found, width, value, bits, place = _bin(data, states, context, width, value, bits, place, end)
        if found:
            registers[PAIRS + total] = at
            total += 1
            context = lasts + (LAST_OF_8X8[at] if kind == QUARTER else at)
            found, width, value, bits, place = _bin(data, states, context, width, value, bits, place, end)
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
        found, width, value, bits, place = _bin(data, states, context, width, value, bits, place, end)
        size = 1
        if found:
            context = sizes + 5 + min(most_above, above)
            above += 1
            size, width, value, bits, place = _size(data, states, context, width, value, bits, place, end)
        else:
            ones += 1
        negative, value, bits, place = _even(data, width, value, bits, place, end)
        registers[COEFFICIENTS + number] = -size if negative else size
        if size == 0:
            registers[ERROR] = BAD_SYNTAX
    registers[RANGE], registers[VALUE], registers[BITS], registers[PLACE] = width, value, bits, place
    return total


@kernel
@no_type_check
def _bin(
    data: np.ndarray, states: np.ndarray, context: int, width: int, value: int, bits: int, place: int, end: int
) -> tuple[int, int, int, int, int]:
    """A bin in its context, and the decoder's state after it."""
    state = np.int64(states[context])
    less = np.int64(LESS_RANGES[(state >> 1) * 4 + ((width >> 6) & 3)])
    width -= less
    scaled = width << bits
    found = state & 1
    if value >= scaled:
        value -= scaled
        width = less
        found ^= 1
        state += 128
    states[context] = TRANSITIONS[state]
    shift = np.int64(SHIFTS[width])
    width <<= shift
    bits -= shift
    if bits < 8:
        value, bits, place = _more(data, value, bits, place, end)
    return found, width, value, bits, place


@kernel
@no_type_check
def _more(data: np.ndarray, value: int, bits: int, place: int, end: int) -> tuple[int, int, int]:
    """16 further bits of the stream, zeros beyond its end."""
    more = 0
    if place + 1 < end + 8:
        more = np.int64(data[place]) << 8 | np.int64(data[place + 1])
    return value << 16 | more, bits + 16, place + 2


@kernel
@no_type_check
def _even(data: np.ndarray, width: int, value: int, bits: int, place: int, end: int) -> tuple[int, int, int, int]:
    """A bin that is as likely 0 as 1."""
    bits -= 1
    scaled = width << bits
    found = 0
    if value >= scaled:
        value -= scaled
        found = 1
    if bits < 8:
        value, bits, place = _more(data, value, bits, place, end)
    return found, value, bits, place


@kernel
@no_type_check
def _size(
    data: np.ndarray, states: np.ndarray, context: int, width: int, value: int, bits: int, place: int, end: int
) -> tuple[int, int, int, int, int]:
    """A level's size, known to be two at least; 0 if its code never ends."""
    size, found = 2, 1
    while size <= MOST_IN_UNARY:
        found, width, value, bits, place = _bin(data, states, context, width, value, bits, place, end)
        if not found:
            return size, width, value, bits, place
        size += 1
    order = 0
    found, value, bits, place = _even(data, width, value, bits, place, end)
    while found and order < MAX_PREFIX:
        size += 1 << order
        order += 1
        found, value, bits, place = _even(data, width, value, bits, place, end)
    if order == MAX_PREFIX:
        return 0, width, value, bits, place
    for bit in range(order - 1, -1, -1):
        found, value, bits, place = _even(data, width, value, bits, place, end)
        size += found << bit
    return size, width, value, bits, place
