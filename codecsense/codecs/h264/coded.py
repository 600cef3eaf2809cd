"""The residual of a macroblock: which blocks have levels, and what is done with them [1, section 7.3.5.3].

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.blocks import (
    AC_16X16,
    CHROMA_AC,
    CHROMA_DC,
    DC_16X16,
    FIRST_CODED,
    QUARTER,
    SQUARE,
    read_block,
)
from codecsense.codecs.h264.cabac import decode_bin, leave_cabac, start_cabac
from codecsense.codecs.h264.cavlc import read_levels
from codecsense.codecs.h264.kernels import inlined, kernel
from codecsense.codecs.h264.levels import keep_dc, keep_quarter, keep_square
from codecsense.codecs.h264.neighbours import edge, fill
from codecsense.codecs.h264.registers import (
    AT_PATTERN,
    AT_SQUARES,
    AVAILABLE,
    BLUE,
    BLUE_DC,
    CABAC,
    CHROMA_STRIDE,
    CODED,
    EIGHT,
    FLAGS,
    HERE,
    IN_16X16,
    IN_PCM,
    INTRA,
    IS_PCM,
    LAST_QP_CHANGE,
    LUMA_DC,
    OUTSIDE,
    PLACE,
    RED,
    RED_DC,
    SQUARE_STRIDE,
    SQUARES,
    STRIDE,
    WANTS_ENERGY,
)

PCM_BYTES = 384


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def no_levels(registers: np.ndarray, contexts: np.ndarray) -> None:
    """A macroblock without a residual, as its neighbours will see it."""
    edge(contexts, registers[AT_SQUARES] + registers[SQUARES], registers[SQUARE_STRIDE], 4, 0)
    edge(contexts, registers[BLUE], registers[CHROMA_STRIDE], 2, 0)
    edge(contexts, registers[RED], registers[CHROMA_STRIDE], 2, 0)


@kernel
@no_type_check
def samples(data: np.ndarray, registers: np.ndarray, contexts: np.ndarray) -> None:
    """Samples as they are: passed over, and to the neighbours a macroblock full of levels."""
    registers[FLAGS] |= IN_PCM
    if registers[CABAC]:
        leave_cabac(registers)
        registers[PLACE] += PCM_BYTES
        start_cabac(data, registers)
    else:
        registers[PLACE] = ((registers[PLACE] + 7) >> 3 << 3) + 8 * PCM_BYTES
    registers[LAST_QP_CHANGE] = 0
    contexts[registers[HERE]] |= IS_PCM | 47 << AT_PATTERN | LUMA_DC | BLUE_DC | RED_DC
    fill(contexts, registers[AT_SQUARES] + registers[SQUARES], registers[SQUARE_STRIDE], 4, 4, 16)
    fill(contexts, registers[BLUE], registers[CHROMA_STRIDE], 2, 2, 16)
    fill(contexts, registers[RED], registers[CHROMA_STRIDE], 2, 2, 16)


@kernel
@no_type_check
def luma(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
) -> None:
    """The luma blocks of a macroblock, quarter by quarter."""
    whole = registers[FLAGS] & IN_16X16
    if whole:
        total = _dc(data, registers, states, contexts, LUMA_DC)
        if total and registers[WANTS_ENERGY]:
            keep_dc(registers, energy, levels, weights, factors, total)
    for quarter in range(4):
        x, y = 2 * (quarter & 1), quarter & 2
        at = registers[AT_SQUARES] + registers[SQUARES] + y * registers[SQUARE_STRIDE] + x
        if not registers[CODED] >> quarter & 1:
            fill(contexts, at, registers[SQUARE_STRIDE], 2, 2, 0)
        elif registers[EIGHT] and registers[CABAC]:
            total = read_block(data, registers, states, QUARTER, 64)
            fill(contexts, at, registers[SQUARE_STRIDE], 2, 2, total)
            if registers[WANTS_ENERGY]:
                keep_quarter(registers, energy, levels, weights, factors, total, x, y, 0, 1)
        else:
            _squares(data, registers, states, contexts, energy, levels, weights, factors, x, y)


@inlined
@no_type_check
def _squares(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
    x: int,
    y: int,
) -> None:
    """Four blocks of 4 x 4, or the four interleaved parts in which CAVLC writes one of 8 x 8."""
    whole, stride = registers[FLAGS] & IN_16X16, registers[SQUARE_STRIDE]
    at = registers[AT_SQUARES] + registers[SQUARES] + y * stride + x
    for number in range(4):
        right, down = number & 1, number >> 1
        if whole:
            total = _block(data, registers, states, contexts, at + down * stride + right, stride, AC_16X16, 15)
        else:
            total = _block(data, registers, states, contexts, at + down * stride + right, stride, SQUARE, 16)
        if total == 0 or not registers[WANTS_ENERGY]:
            continue
        if registers[EIGHT]:
            keep_quarter(registers, energy, levels, weights, factors, total, x, y, number, 4)
        else:
            first = 1 if whole else 0
            keep_square(registers, energy, levels, weights, factors, total, x + right, y + down, first)


@kernel
@no_type_check
def chroma(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> None:
    """The chroma blocks, whose levels are passed over."""
    kind = registers[CODED] >> 4
    if kind:
        _dc(data, registers, states, contexts, BLUE_DC)
        _dc(data, registers, states, contexts, RED_DC)
    for plane in range(2):
        first = registers[RED] if plane else registers[BLUE]
        stride = registers[CHROMA_STRIDE]
        if kind < 2:
            edge(contexts, first, stride, 2, 0)
            continue
        for number in range(4):
            place = first + (number >> 1) * stride + (number & 1)
            _block(data, registers, states, contexts, place, stride, CHROMA_AC, 15)


@kernel
@no_type_check
def _block(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    place: int,
    stride: int,
    kind: int,
    most: int,
) -> int:
    """Levels of a block with neighbours of its kind; how many."""
    left, above = np.int64(contexts[place - 1]), np.int64(contexts[place - stride])
    if registers[CABAC]:
        beside = registers[INTRA] if left == OUTSIDE else left != 0
        over = registers[INTRA] if above == OUTSIDE else above != 0
        total = 0
        if decode_bin(data, registers, states, FIRST_CODED[kind] + beside + 2 * over):
            total = read_block(data, registers, states, kind, most)
    else:
        around = left + above
        if left < OUTSIDE and above < OUTSIDE:
            around = (around + 1) >> 1
        total = read_levels(data, registers, around & 31, most)
    contexts[place] = total
    return total


@kernel
@no_type_check
def _dc(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray, which: int) -> int:
    """The levels of a DC block: of luma, or of one chroma plane; how many."""
    if registers[CABAC]:
        left, above = contexts[registers[HERE] - 1], contexts[registers[HERE] - registers[STRIDE]]
        beside = (left & which) != 0 if left & AVAILABLE else registers[INTRA]
        over = (above & which) != 0 if above & AVAILABLE else registers[INTRA]
        kind = DC_16X16 if which == LUMA_DC else CHROMA_DC
        if not decode_bin(data, registers, states, FIRST_CODED[kind] + beside + 2 * over):
            return 0
        contexts[registers[HERE]] |= which
        return read_block(data, registers, states, kind, 16 if which == LUMA_DC else 4)
    if which != LUMA_DC:
        return read_levels(data, registers, 0, 4)
    place = registers[AT_SQUARES] + registers[SQUARES]
    left, above = np.int64(contexts[place - 1]), np.int64(contexts[place - registers[SQUARE_STRIDE]])
    around = left + above
    if left < OUTSIDE and above < OUTSIDE:
        around = (around + 1) >> 1
    return read_levels(data, registers, around & 31, 16)
