"""Bits, Exp-Golomb codes, and the levels of a block as CAVLC writes them [1, sections 9.1 and 9.2].

Beyond the end of the unit zeros are read; codes that cannot be leave an error behind and never an endless loop.

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import kernel
from codecsense.codecs.h264.registers import BAD_LEVELS, BAD_SYNTAX, COEFFICIENTS, END, ERROR, PAIRS, PLACE
from codecsense.codecs.h264.vlc_tables import CHROMA_TOKENS, CHROMA_ZEROS, RUNS, TOKENS, ZEROS

MOST_ZEROS = 24


@kernel
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def peek(data: np.ndarray, registers: np.ndarray, count: int) -> int:
    """The next bits, at most 32, without using them up."""
    place = registers[PLACE]
    byte = min(place >> 3, registers[END])
    found = np.int64(data[byte]) << 32 | np.int64(data[byte + 1]) << 24 | np.int64(data[byte + 2]) << 16
    found |= np.int64(data[byte + 3]) << 8 | np.int64(data[byte + 4])
    return (found >> (40 - (place & 7) - count)) & ((1 << count) - 1)


@kernel
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
    zeros = leading_zeros(data, registers)
    registers[PLACE] += zeros + 1
    return (1 << zeros) - 1 + bits(data, registers, zeros)


@kernel
@no_type_check
def leading_zeros(data: np.ndarray, registers: np.ndarray) -> int:
    """Zeros before the next one."""
    seen = peek(data, registers, 32)
    if seen >> (31 - MOST_ZEROS) == 0:
        registers[ERROR] = BAD_SYNTAX
        return 0
    zeros = 0
    if seen < 1 << 16:
        seen <<= 16
        zeros = 16
    if seen < 1 << 24:
        seen <<= 8
        zeros += 8
    while seen < 1 << 31:
        seen <<= 1
        zeros += 1
    return zeros


@kernel
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
    symbol = _token(data, registers, around, most)
    total, ones = symbol >> 2, symbol & 3
    if total > most:
        registers[ERROR] = BAD_LEVELS
        return 0
    if total == 0:
        return 0
    for number in range(ones):
        registers[COEFFICIENTS + number] = 1 - 2 * bits(data, registers, 1)
    suffix = 1 if total > 10 and ones < 3 else 0
    for number in range(ones, total):
        level = _level(data, registers, suffix, 1 if number == ones and ones < 3 else 0)
        registers[COEFFICIENTS + number] = level
        size = abs(level)
        if suffix == 0:
            suffix = 1
        if size > 3 << (suffix - 1) and suffix < 6:
            suffix += 1
    _place(data, registers, total, most)
    return total


@kernel
@no_type_check
def _token(data: np.ndarray, registers: np.ndarray, around: int, most: int) -> int:
    if most == 4:
        entry = np.int64(CHROMA_TOKENS[peek(data, registers, 8)])
    elif around >= 8:
        code = bits(data, registers, 6)
        return 0 if code == 3 else code + 4 if code & 3 <= (code >> 2) + 1 else 4 * 17
    else:
        table = 0 if around < 2 else 1 if around < 4 else 2
        seen = peek(data, registers, 19)
        zeros = 0
        while zeros < 15 and seen < 1 << (18 - zeros):
            zeros += 1
        entry = np.int64(TOKENS[table, zeros << 3 | (seen >> (15 - zeros)) & 7])
    registers[PLACE] += entry & 31
    if entry == 0:
        registers[ERROR] = BAD_SYNTAX
    return entry >> 5


@kernel
@no_type_check
def _level(data: np.ndarray, registers: np.ndarray, suffix: int, more: int) -> int:
    """One level; `more` is 1 where it cannot be 1 or -1, which trailing ones would have told."""
    prefix = leading_zeros(data, registers)
    registers[PLACE] += prefix + 1
    code = min(15, prefix) << suffix
    length = suffix
    if prefix == 14 and suffix == 0:
        length = 4
    elif prefix >= 15:
        length = prefix - 3
    code += bits(data, registers, length)
    if prefix >= 15 and suffix == 0:
        code += 15
    if prefix >= 16:
        code += (1 << (prefix - 3)) - 4096
    code += 2 * more
    return -((code + 1) >> 1) if code & 1 else (code + 2) >> 1


@kernel
@no_type_check
def _place(data: np.ndarray, registers: np.ndarray, total: int, most: int) -> None:
    """Where each level stands: zeros in all, then the run before each."""
    left = 0
    if total < most:
        if most == 4:
            entry = np.int64(CHROMA_ZEROS[total - 1, peek(data, registers, 3)])
        else:
            entry = np.int64(ZEROS[total - 1, peek(data, registers, 9)])
        registers[PLACE] += entry & 31
        left = entry >> 5
    at = total - 1 + left
    if at >= most:
        registers[ERROR] = BAD_LEVELS
        at = total - 1
        left = 0
    for number in range(total):
        registers[PAIRS + number] = at
        run = 0
        if left > 0 and number < total - 1:
            run = min(_run(data, registers, left), left)
        left -= run
        at -= run + 1


@kernel
@no_type_check
def _run(data: np.ndarray, registers: np.ndarray, left: int) -> int:
    seen = peek(data, registers, 3)
    if left <= 6:
        entry = np.int64(RUNS[left - 1, seen])
        registers[PLACE] += entry & 31
        return entry >> 5
    if seen:
        registers[PLACE] += 3
        return 7 - seen
    zeros = leading_zeros(data, registers)
    registers[PLACE] += zeros + 1
    return zeros + 4
