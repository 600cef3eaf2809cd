"""Syntax elements of CABAC: which bins they are made of, and in which context each of them stands [1, section 9.3].

References:
    [1] ITU-T H.264, tables 9-34 to 9-39, and section 9.3.3.1 for the contexts.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.cabac import bypass, decode_bin, terminates
from codecsense.codecs.h264.kernels import inlined, kernel
from codecsense.codecs.h264.registers import (
    AT_DIFFERENCES,
    AT_PATTERN,
    AT_POSITIVE,
    AVAILABLE,
    BAD_REFERENCE,
    BAD_SYNTAX,
    DIFFERENCES_SIZE,
    DIRECT,
    ERROR,
    HAS_CHROMA_MODE,
    HERE,
    IS_EIGHT,
    IS_I_NXN,
    LAST_QP_CHANGE,
    QUARTER_STRIDE,
    QUARTERS_SIZE,
    SKIPPED,
    SQUARE_STRIDE,
    STRIDE,
    B,
)

I_PCM = 25
MAX_REFERENCE = 31
MAX_PREFIX = 24


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def skipped(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray, kind: int) -> int:
    """mb_skip_flag."""
    left = contexts[registers[HERE] - 1]
    above = contexts[registers[HERE] - registers[STRIDE]]
    context = 24 if kind == B else 11
    context += (left & (AVAILABLE | SKIPPED)) == AVAILABLE
    context += (above & (AVAILABLE | SKIPPED)) == AVAILABLE
    return decode_bin(data, registers, states, context)


@kernel
@no_type_check
def intra_type(data: np.ndarray, registers: np.ndarray, states: np.ndarray, base: int, apart: int) -> int:
    """mb_type among those of I slices; `apart` is 1 in I slices, where later bins have contexts of their own."""
    if terminates(data, registers):
        return I_PCM
    kind = 1 + 12 * decode_bin(data, registers, states, base + 1)
    if decode_bin(data, registers, states, base + 2):
        kind += 4 + 4 * decode_bin(data, registers, states, base + 2 + apart)
    kind += 2 * decode_bin(data, registers, states, base + 3 + apart)
    return kind + decode_bin(data, registers, states, base + 3 + 2 * apart)


@inlined
@no_type_check
def i_type(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    """mb_type in an I slice."""
    left = contexts[registers[HERE] - 1]
    above = contexts[registers[HERE] - registers[STRIDE]]
    context = 3 + ((left & (AVAILABLE | IS_I_NXN)) == AVAILABLE) + ((above & (AVAILABLE | IS_I_NXN)) == AVAILABLE)
    if not decode_bin(data, registers, states, context):
        return 0
    return intra_type(data, registers, states, 5, 1)


@inlined
@no_type_check
def p_type(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> int:
    """mb_type in a P slice; from 5 on those of I slices."""
    if decode_bin(data, registers, states, 14):
        if not decode_bin(data, registers, states, 17):
            return 5
        return 5 + intra_type(data, registers, states, 17, 0)
    if decode_bin(data, registers, states, 15):
        return 2 - decode_bin(data, registers, states, 17)
    return 3 * decode_bin(data, registers, states, 16)


@inlined
@no_type_check
def b_type(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    """mb_type in a B slice; from 23 on those of I slices."""
    left = contexts[registers[HERE] - 1]
    above = contexts[registers[HERE] - registers[STRIDE]]
    context = 27 + ((left & (AVAILABLE | DIRECT)) == AVAILABLE) + ((above & (AVAILABLE | DIRECT)) == AVAILABLE)
    if not decode_bin(data, registers, states, context):
        return 0
    if not decode_bin(data, registers, states, 30):
        return 1 + decode_bin(data, registers, states, 32)
    code = decode_bin(data, registers, states, 31)
    for _ in range(3):
        code = 2 * code + decode_bin(data, registers, states, 32)
    if code < 8:
        return code + 3
    if code == 13:
        if not decode_bin(data, registers, states, 32):
            return 23
        return 23 + intra_type(data, registers, states, 32, 0)
    if code >= 14:
        return 11 if code == 14 else 22
    return 2 * code + decode_bin(data, registers, states, 32) - 4


@inlined
@no_type_check
def p_subtype(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> int:
    """sub_mb_type in a P slice."""
    if decode_bin(data, registers, states, 21):
        return 0
    if not decode_bin(data, registers, states, 22):
        return 1
    return 3 - decode_bin(data, registers, states, 23)


@kernel
@no_type_check
def b_subtype(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> int:
    """sub_mb_type in a B slice."""
    if not decode_bin(data, registers, states, 36):
        return 0
    if not decode_bin(data, registers, states, 37):
        return 1 + decode_bin(data, registers, states, 39)
    kind = 3
    if decode_bin(data, registers, states, 38):
        if decode_bin(data, registers, states, 39):
            return 11 + decode_bin(data, registers, states, 39)
        kind = 7
    kind += 2 * decode_bin(data, registers, states, 39)
    return kind + decode_bin(data, registers, states, 39)


@inlined
@no_type_check
def reference(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray, at: int) -> int:
    """ref_idx of the quarter at `at`, a place relative to that list's first."""
    place = registers[AT_POSITIVE] + at
    context = (contexts[place - 1] != 0) + 2 * (contexts[place - registers[QUARTER_STRIDE]] != 0)
    found = 0
    while decode_bin(data, registers, states, 54 + context):
        found += 1
        context = (context >> 2) + 4
        if found > MAX_REFERENCE:
            registers[ERROR] = BAD_REFERENCE
            return 0
    return found


@kernel
@no_type_check
def quarter_place(registers: np.ndarray, list_number: int, quarter: int) -> int:
    """Where a quarter's number lies, relative to the first of list 0."""
    return list_number * registers[QUARTERS_SIZE] + (quarter >> 1) * registers[QUARTER_STRIDE] + (quarter & 1)


@inlined
@no_type_check
def difference(
    data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray, list_number: int, at: int
) -> int:
    """mvd of the square at `at`, both components packed; 16 bits each, y above."""
    place = registers[AT_DIFFERENCES] + list_number * registers[DIFFERENCES_SIZE] + at
    left, above = contexts[place - 1], contexts[place - registers[SQUARE_STRIDE]]
    x = _component(data, registers, states, 40, (left & 255) + (above & 255))
    y = _component(data, registers, states, 47, (left >> 8) + (above >> 8))
    return (x & 0xFFFF) | y << 16


@inlined
@no_type_check
def _component(data: np.ndarray, registers: np.ndarray, states: np.ndarray, base: int, around: int) -> int:
    if not decode_bin(data, registers, states, base + (around > 2) + (around > 32)):
        return 0
    size, context = 1, base + 3
    while size < 9 and decode_bin(data, registers, states, context):
        context += size < 4
        size += 1
    if size >= 9:
        size += suffix(data, registers, 3)
    return -size if bypass(data, registers) else size


@kernel
@no_type_check
def suffix(data: np.ndarray, registers: np.ndarray, order: int) -> int:
    """Exp-Golomb code of this order in bypass bins."""
    total = 0
    while bypass(data, registers):
        total += 1 << order
        order += 1
        if order > MAX_PREFIX:
            registers[ERROR] = BAD_SYNTAX
            return 0
    for bit in range(order - 1, -1, -1):
        total += bypass(data, registers) << bit
    return total


@inlined
@no_type_check
def qp_change(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> int:
    """mb_qp_delta."""
    context = 60 + (registers[LAST_QP_CHANGE] != 0)
    code = 0
    while decode_bin(data, registers, states, context):
        context = 62 + (code > 0)
        code += 1
        if code > 104:
            registers[ERROR] = BAD_SYNTAX
            return 0
    return (code + 1) >> 1 if code & 1 else -(code >> 1)


@kernel
@no_type_check
def skip_intra_modes(data: np.ndarray, registers: np.ndarray, states: np.ndarray, count: int) -> None:
    """How squares are predicted from their neighbours, which says nothing about motion."""
    for _ in range(count):
        if not decode_bin(data, registers, states, 68):
            for _ in range(3):
                decode_bin(data, registers, states, 69)


@kernel
@no_type_check
def chroma_mode(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    """intra_chroma_pred_mode, or rather whether there is one."""
    left = contexts[registers[HERE] - 1]
    above = contexts[registers[HERE] - registers[STRIDE]]
    context = 64 + ((left & HAS_CHROMA_MODE) != 0) + ((above & HAS_CHROMA_MODE) != 0)
    if not decode_bin(data, registers, states, context):
        return 0
    if decode_bin(data, registers, states, 67):
        decode_bin(data, registers, states, 67)
    return HAS_CHROMA_MODE


@inlined
@no_type_check
def pattern(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    """coded_block_pattern; a neighbour outside the slice counts as coded in luma and not in chroma."""
    left = contexts[registers[HERE] - 1]
    above = contexts[registers[HERE] - registers[STRIDE]]
    beside = left >> AT_PATTERN if left & AVAILABLE else 15
    over = above >> AT_PATTERN if above & AVAILABLE else 15
    found = decode_bin(data, registers, states, 76 - ((beside >> 1) & 1) - ((over >> 1) & 2))
    found |= decode_bin(data, registers, states, 76 - (found & 1) - ((over >> 2) & 2)) << 1
    found |= decode_bin(data, registers, states, 76 - ((beside >> 3) & 1) - ((found & 1) << 1)) << 2
    found |= decode_bin(data, registers, states, 76 - ((found >> 2) & 1) - (found & 2)) << 3
    beside, over = (beside >> 4) & 3, (over >> 4) & 3
    if decode_bin(data, registers, states, 77 + (beside > 0) + 2 * (over > 0)):
        found |= 16 + (decode_bin(data, registers, states, 81 + (beside > 1) + 2 * (over > 1)) << 4)
    return found


@inlined
@no_type_check
def transform_8x8(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    """transform_size_8x8_flag."""
    left = contexts[registers[HERE] - 1]
    above = contexts[registers[HERE] - registers[STRIDE]]
    return decode_bin(data, registers, states, 399 + ((left & IS_EIGHT) != 0) + ((above & IS_EIGHT) != 0))
