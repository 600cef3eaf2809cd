"""Bits, Exp-Golomb codes, and the levels of a block as CAVLC writes them [1, sections 9.1 and 9.2].

A code and what follows it are taken from one window of 56 bits. Beyond the end of the unit zeros are read; codes that
cannot be leave an error behind and never an endless loop.

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import inlined, kernel, leading_zeros
from codecsense.codecs.h264.registers import BAD_LEVELS, BAD_SYNTAX, COEFFICIENTS, END, ERROR, PAIRS, PLACE
from codecsense.codecs.h264.vlc_tables import CHROMA_TOKENS, CHROMA_ZEROS, RUNS, TOKENS, ZEROS

WINDOW = 56
MOST_ZEROS = 24
TABLES = np.array([0, 0, 1, 1, 2, 2, 2, 2], np.int64)  # of tokens, by the number of levels around


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def window(data: np.ndarray, place: int, end: int) -> int:
    """The next 56 bits from bit `place` on."""
    at = min(place >> 3, end)
    found = np.int64(data[at]) << 56 | np.int64(data[at + 1]) << 48 | np.int64(data[at + 2]) << 40
    found |= np.int64(data[at + 3]) << 32 | np.int64(data[at + 4]) << 24 | np.int64(data[at + 5]) << 16
    found |= np.int64(data[at + 6]) << 8 | np.int64(data[at + 7])
    return ((found << (place & 7)) >> 8) & ((1 << WINDOW) - 1)


@inlined
@no_type_check
def peek(data: np.ndarray, registers: np.ndarray, count: int) -> int:
    """The next bits, at most 32, without using them up."""
    return window(data, registers[PLACE], registers[END]) >> (WINDOW - count)


@inlined
@no_type_check
def bits(data: np.ndarray, registers: np.ndarray, count: int) -> int:
    """The next bits, used up."""
    found = peek(data, registers, count)
    registers[PLACE] += count
    return found


@kernel
@no_type_check
def golomb(data: np.ndarray, registers: np.ndarray) -> int:
    """ue(v)."""
    seen = window(data, registers[PLACE], registers[END])
    zeros = _zeros(registers, seen)
    registers[PLACE] += 2 * zeros + 1
    return (seen >> (WINDOW - 1 - 2 * zeros)) - 1 if seen >> (WINDOW - 1 - MOST_ZEROS) else 0


@inlined
@no_type_check
def _zeros(registers: np.ndarray, seen: int) -> int:
    """Zeros before the first one of a window; an error if there are too many."""
    if seen >> (WINDOW - 1 - MOST_ZEROS) == 0:
        registers[ERROR] = BAD_SYNTAX
        return 0
    return leading_zeros(seen) - (64 - WINDOW)


@inlined
@no_type_check
def signed_golomb(data: np.ndarray, registers: np.ndarray) -> int:
    """se(v)."""
    code = golomb(data, registers)
    return (code + 1) >> 1 if code & 1 else -(code >> 1)


@kernel
@no_type_check
def read_levels(data: np.ndarray, registers: np.ndarray, around: int, most: int) -> int:
    """The levels of a block of at most `most` (4, 15 or 16), with so many in the squares around; how many there are.

    They are left in `COEFFICIENTS`, their places in scan order in `PAIRS`, the last one first.
    """
    place, end = registers[PLACE], registers[END]
    seen = window(data, place, end)
    symbol, length = _token(registers, seen, around, most)
    total, ones = symbol >> 2, symbol & 3
    if total > most:
        registers[ERROR] = BAD_LEVELS
        total = 0
    place += length
    if total == 0:
        registers[PLACE] = place
        return 0
    seen >>= WINDOW - 3 - length
    for number in range(ones):
        registers[COEFFICIENTS + number] = 1 - ((seen >> (2 - number) & 1) << 1)
    place += ones
    suffix = 1 if total > 10 and ones < 3 else 0
    for number in range(ones, total):
        seen = window(data, place, end)
        zeros = _zeros(registers, seen)
        level, length = _level(seen, zeros, suffix, 1 if number == ones and ones < 3 else 0)
        place += length
        registers[COEFFICIENTS + number] = level
        size = abs(level)
        if suffix == 0:
            suffix = 1
        if size > 3 << (suffix - 1) and suffix < 6:
            suffix += 1
    registers[PLACE] = _place(data, registers, total, most, place)
    return total


@inlined
@no_type_check
def _token(registers: np.ndarray, seen: int, around: int, most: int) -> tuple[int, int]:
    """coeff_token: four times the number of levels, plus that of trailing ones; and its length."""
    if most != 4 and around >= 8:
        code = seen >> (WINDOW - 6)
        return 0 if code == 3 else code + 4 if code & 3 <= (code >> 2) + 1 else 4 * 17, 6
    if most == 4:
        entry = np.int64(CHROMA_TOKENS[seen >> (WINDOW - 8)])
    else:
        zeros = min(15, leading_zeros(seen | 1) - (64 - WINDOW))
        entry = np.int64(TOKENS[TABLES[around] << 7 | zeros << 3 | (seen >> (WINDOW - 4 - zeros)) & 7])
    if entry == 0:
        registers[ERROR] = BAD_SYNTAX
    return entry >> 5, entry & 31


@inlined
@no_type_check
def _level(seen: int, prefix: int, suffix: int, more: int) -> tuple[int, int]:
    """One level and its length; `more` is 1 where it cannot be 1 or -1, which trailing ones would have told."""
    code = min(15, prefix) << suffix
    length = suffix
    if prefix == 14 and suffix == 0:
        length = 4
    elif prefix >= 15:
        length = prefix - 3
    code += (seen >> (WINDOW - 1 - prefix - length)) & ((1 << length) - 1)
    if prefix >= 15 and suffix == 0:
        code += 15
    if prefix >= 16:
        code += (1 << (prefix - 3)) - 4096
    code += 2 * more
    return -((code + 1) >> 1) if code & 1 else (code + 2) >> 1, prefix + 1 + length


@inlined
@no_type_check
def _place(data: np.ndarray, registers: np.ndarray, total: int, most: int, place: int) -> int:
    """Where each level stands: zeros in all, then the run before each; the place in the stream after them."""
    end = registers[END]
    left = 0
    if total < most:
        seen = window(data, place, end)
        if most == 4:
            entry = np.int64(CHROMA_ZEROS[(total - 1) << 3 | seen >> (WINDOW - 3)])
        else:
            entry = np.int64(ZEROS[(total - 1) << 9 | seen >> (WINDOW - 9)])
        place += entry & 31
        left = entry >> 5
    at = total - 1 + left
    if at >= most:
        registers[ERROR] = BAD_LEVELS
        at = total - 1
        left = 0
    number = 0
    while left > 0 and number < total - 1:
        registers[PAIRS + number] = at
        run, length = _run(registers, window(data, place, end), left)
        place += length
        run = min(run, left)
        left -= run
        at -= run + 1
        number += 1
    while number < total:
        registers[PAIRS + number] = at
        at -= 1
        number += 1
    return place


@inlined
@no_type_check
def _run(registers: np.ndarray, seen: int, left: int) -> tuple[int, int]:
    """run_before and its length."""
    three = seen >> (WINDOW - 3)
    if left <= 6:
        entry = np.int64(RUNS[(left - 1) << 3 | three])
        return entry >> 5, entry & 31
    if three:
        return 7 - three, 3
    zeros = _zeros(registers, seen)
    return zeros + 4, zeros + 1
