"""One macroblock after another: types, motion and residual of a slice [1, sections 7.3.4 and 7.3.5].

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264 import syntax
from codecsense.codecs.h264.cabac import num_used, open_cabac, terminates
from codecsense.codecs.h264.cavlc import bits, golomb, peek, signed_golomb
from codecsense.codecs.h264.coded import chroma, luma, no_levels, samples
from codecsense.codecs.h264.direct import direct, skip_vector
from codecsense.codecs.h264.inter import (
    FIRST_LISTS,
    SECOND_LISTS,
    no_differences,
    no_motion,
    parts,
    quarters,
)
from codecsense.codecs.h264.kernels import inlined, kernel
from codecsense.codecs.h264.neighbours import forget, place, step_right
from codecsense.codecs.h264.prediction import write_reference, write_vector
from codecsense.codecs.h264.registers import (
    ACROSS,
    AT_FLAGS,
    AT_PATTERN,
    AT_SHAPE,
    AVAILABLE,
    BAD_SYNTAX,
    CABAC,
    CODED,
    DIRECT,
    DOWN,
    EIGHT,
    EIGHTS,
    END,
    ERROR,
    FIRST,
    FLAGS,
    HERE,
    IN_16X16,
    IN_DIRECT,
    IN_EIGHT,
    IN_SKIP,
    INFERS_8X8,
    INTRA,
    INTRA_SHAPE,
    IS_EIGHT,
    IS_I_NXN,
    IS_INTRA,
    KIND,
    LAST_QP_CHANGE,
    NUM_QUARTERS,
    NUM_SQUARES,
    NUMBER,
    ONLY_INTRA,
    PAST_END,
    PLACE,
    QP,
    QUARTER_LISTS,
    SHAPE,
    SKIP_RUN,
    SKIPPED,
    SUBSHAPES,
    TRANSFORM_8X8,
    WHOLE,
    B,
    P,
)
from codecsense.codecs.h264.vlc_tables import INTER_PATTERNS, INTRA_PATTERNS

I_PCM, I_16X16 = 25, 1
P_EIGHTS, B_EIGHTS = 3, 22
FIRST_INTRA_OF_P, FIRST_INTRA_OF_B = 5, 23
NO_SKIP_RUN = -1


@kernel
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def slice_data(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    colocated: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
) -> int:
    """Read the slice whose header the registers tell; the macroblock after its last good one."""
    number, end = registers[FIRST], registers[ACROSS] * registers[DOWN]
    registers[ERROR] = registers[LAST_QP_CHANGE] = 0
    registers[SKIP_RUN] = NO_SKIP_RUN
    forget(registers, contexts)
    if registers[CABAC]:
        open_cabac(data, registers, states)
    place(registers, number)
    going = True
    while going and number < end:
        if not _skips(data, registers, states, contexts, motion, colocated):
            _macroblock(data, registers, states, contexts, motion, colocated, energy, levels, weights, factors)
        if (num_used(registers) if registers[CABAC] else registers[PLACE]) > 8 * registers[END]:
            registers[ERROR] = PAST_END
        if registers[ERROR]:
            return number
        _write_down(registers, motion)
        number += 1
        step_right(registers)
        going = _goes_on(data, registers, states)
    return number


@inlined
@no_type_check
def _goes_on(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> bool:
    """Whether another macroblock follows in this slice."""
    if registers[CABAC]:
        return not terminates(data, registers)
    if registers[SKIP_RUN] > 0:
        return True
    left = 8 * registers[END] - registers[PLACE]
    return left > 0 and not (left <= 8 and peek(data, registers, left) == 1 << (left - 1))


@inlined
@no_type_check
def _write_down(registers: np.ndarray, motion: np.ndarray) -> None:
    """Quantiser, shape and flags of the macroblock, for good."""
    at = 2 * registers[NUM_SQUARES] + 4 * registers[NUM_QUARTERS] + registers[NUMBER]
    motion[at] = registers[QP] | registers[SHAPE] << AT_SHAPE | registers[FLAGS] << AT_FLAGS


@inlined
@no_type_check
def _skips(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    colocated: np.ndarray,
) -> bool:
    """Whether the macroblock is skipped; if so, all that is to be known of it is written down."""
    kind = registers[KIND]
    if kind == ONLY_INTRA:
        return False
    if registers[CABAC]:
        if not syntax.skipped(data, registers, states, contexts, kind):
            return False
    else:
        if registers[SKIP_RUN] == NO_SKIP_RUN:
            registers[SKIP_RUN] = golomb(data, registers)
        if registers[SKIP_RUN] == 0:
            registers[SKIP_RUN] = NO_SKIP_RUN
            return False
        registers[SKIP_RUN] -= 1
    registers[LAST_QP_CHANGE] = 0
    no_levels(registers, contexts)
    registers[SHAPE], registers[FLAGS] = WHOLE, IN_SKIP
    if kind == P:
        contexts[registers[HERE]] = AVAILABLE | SKIPPED
        vector = skip_vector(registers, contexts, motion)
        write_vector(registers, motion, 0, 0, 0, 4, 4, vector)
        write_reference(registers, contexts, motion, 0, 0, 0, 2, 2, 0)
    else:
        contexts[registers[HERE]] = AVAILABLE | SKIPPED | DIRECT
        registers[SHAPE], registers[FLAGS] = EIGHTS, IN_SKIP | IN_DIRECT
        direct(registers, contexts, motion, colocated, 15)
    no_differences(registers, contexts)
    return True


@inlined
@no_type_check
def _macroblock(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    colocated: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
) -> None:
    """A macroblock that is coded."""
    kind = _type(data, registers, states, contexts)
    first_intra = 0
    if registers[KIND] != ONLY_INTRA:
        first_intra = FIRST_INTRA_OF_B if registers[KIND] == B else FIRST_INTRA_OF_P
    contexts[registers[HERE]] = AVAILABLE
    registers[EIGHT] = registers[FLAGS] = registers[CODED] = 0
    if kind >= first_intra:
        registers[INTRA] = 1
        _intra(data, registers, states, contexts, motion, kind - first_intra)
        if kind - first_intra == I_PCM:
            return
    else:
        registers[INTRA] = 0
        _inter(data, registers, states, contexts, motion, colocated, kind)
    contexts[registers[HERE]] |= registers[CODED] << AT_PATTERN
    if registers[EIGHT]:
        contexts[registers[HERE]] |= IS_EIGHT
        registers[FLAGS] |= IN_EIGHT
    if registers[CODED] == 0 and not registers[FLAGS] & IN_16X16:
        registers[LAST_QP_CHANGE] = 0
        no_levels(registers, contexts)
        return
    _change_qp(data, registers, states)
    luma(data, registers, states, contexts, energy, levels, weights, factors)
    chroma(data, registers, states, contexts)


@inlined
@no_type_check
def _type(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    """mb_type, counted as CAVLC counts it."""
    if not registers[CABAC]:
        found = golomb(data, registers)
        most = I_PCM
        if registers[KIND] != ONLY_INTRA:
            most += FIRST_INTRA_OF_B if registers[KIND] == B else FIRST_INTRA_OF_P
        if found > most:
            registers[ERROR] = BAD_SYNTAX
            found = most
        return found
    if registers[KIND] == ONLY_INTRA:
        return syntax.i_type(data, registers, states, contexts)
    if registers[KIND] == P:
        return syntax.p_type(data, registers, states)
    return syntax.b_type(data, registers, states, contexts)


@inlined
@no_type_check
def _change_qp(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> None:
    change = syntax.qp_change(data, registers, states) if registers[CABAC] else signed_golomb(data, registers)
    if abs(change) > 52:
        registers[ERROR] = BAD_SYNTAX
        change = 0
    registers[LAST_QP_CHANGE] = change
    registers[QP] = (registers[QP] + change + 52) % 52


@kernel
@no_type_check
def _intra(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    kind: int,
) -> None:
    """An intra macroblock up to its residual; `kind` counts as in I slices."""
    registers[SHAPE] = INTRA_SHAPE
    contexts[registers[HERE]] |= IS_INTRA
    if registers[KIND] != ONLY_INTRA:
        no_motion(registers, contexts, motion)
    if kind == I_PCM:
        samples(data, registers, contexts)
        return
    if kind >= I_16X16:
        registers[FLAGS] |= IN_16X16
        registers[CODED] = (15 if kind > 12 else 0) | ((kind - 1) // 4 % 3) << 4
    else:
        contexts[registers[HERE]] |= IS_I_NXN
        _modes(data, registers, states, contexts)
    if registers[CABAC]:
        contexts[registers[HERE]] |= syntax.chroma_mode(data, registers, states, contexts)
    else:
        golomb(data, registers)
    if kind == 0:
        _pattern(data, registers, states, contexts)


@kernel
@no_type_check
def _modes(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> None:
    """How blocks are predicted within the picture: passed over."""
    if registers[TRANSFORM_8X8]:
        registers[EIGHT] = _eight(data, registers, states, contexts)
    count = 4 if registers[EIGHT] else 16
    if registers[CABAC]:
        syntax.skip_intra_modes(data, registers, states, count)
    else:
        for _ in range(count):
            registers[PLACE] += 1 if peek(data, registers, 1) else 4


@kernel
@no_type_check
def _eight(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> int:
    if registers[CABAC]:
        return syntax.transform_8x8(data, registers, states, contexts)
    return bits(data, registers, 1)


@inlined
@no_type_check
def _pattern(data: np.ndarray, registers: np.ndarray, states: np.ndarray, contexts: np.ndarray) -> None:
    if registers[CABAC]:
        registers[CODED] = syntax.pattern(data, registers, states, contexts)
        return
    code = golomb(data, registers)
    if code > 47:
        registers[ERROR] = BAD_SYNTAX
        code = 0
    registers[CODED] = np.int64(INTRA_PATTERNS[code] if registers[INTRA] else INTER_PATTERNS[code])


@inlined
@no_type_check
def _inter(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    colocated: np.ndarray,
    kind: int,
) -> None:
    """An inter macroblock up to its residual."""
    whole_parts = _motion(data, registers, states, contexts, motion, colocated, kind)
    _pattern(data, registers, states, contexts)
    if whole_parts and registers[TRANSFORM_8X8] and registers[CODED] & 15:
        registers[EIGHT] = _eight(data, registers, states, contexts)


@inlined
@no_type_check
def _motion(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    colocated: np.ndarray,
    kind: int,
) -> bool:
    """References and vectors; whether no part is smaller than 8 x 8."""
    is_b = registers[KIND] == B
    if is_b and kind == 0:
        contexts[registers[HERE]] |= DIRECT
        registers[SHAPE], registers[FLAGS] = EIGHTS, IN_DIRECT
        direct(registers, contexts, motion, colocated, 15)
        no_differences(registers, contexts)
        return registers[INFERS_8X8] != 0
    if kind >= (B_EIGHTS if is_b else P_EIGHTS):
        registers[SHAPE] = EIGHTS
        quarters(data, registers, states, contexts, motion, colocated, not is_b and kind == P_EIGHTS + 1)
        whole = True
        for quarter in range(4):
            if registers[QUARTER_LISTS + quarter] == 0:
                whole = whole and registers[INFERS_8X8] != 0
            else:
                whole = whole and registers[SUBSHAPES + quarter] == 0
        return whole
    if is_b:
        registers[SHAPE] = WHOLE if kind < 4 else 2 + (kind & 1)
        parts(data, registers, states, contexts, motion, FIRST_LISTS[kind], SECOND_LISTS[kind])
    else:
        registers[SHAPE] = WHOLE + kind
        parts(data, registers, states, contexts, motion, 1, 1)
    return True
