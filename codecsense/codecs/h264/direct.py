"""Vectors that are not coded at all: P skip, and B direct, from around or from the colocated picture [1, 8.4.1].

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import inlined, kernel
from codecsense.codecs.h264.prediction import (
    MEDIAN,
    foresee,
    pack,
    reference_at,
    right,
    square_in_motion,
    write_reference,
    write_vector,
)
from codecsense.codecs.h264.registers import (
    ACROSS,
    BAD_COLOCATED,
    DIRECT_SPATIAL,
    ERROR,
    HAS_COLOCATED,
    IDENTITY,
    INFERS_8X8,
    IS_LONG,
    MISSING,
    NEAR_COLOCATED,
    NUM_QUARTERS,
    NUM_REFERENCES,
    NUM_SQUARES,
    SCALE,
    X,
    Y,
)

ALL = 15  # quarters of a macroblock


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def skip_vector(registers: np.ndarray, contexts: np.ndarray, motion: np.ndarray) -> int:
    """The vector of a macroblock that P skips."""
    left, above = reference_at(registers, contexts, 0, -1, 0), reference_at(registers, contexts, 0, 0, -1)
    if left == MISSING or above == MISSING:  # a tuple would be searched
        return 0
    here = square_in_motion(registers, 0, 0, 0)
    if (left == 0 and motion[here - 1] == 0) or (above == 0 and motion[here - 4 * registers[ACROSS]] == 0):
        return 0
    return foresee(registers, contexts, motion, 0, 0, 0, 4, 0, MEDIAN)


@kernel
@no_type_check
def direct(
    registers: np.ndarray, contexts: np.ndarray, motion: np.ndarray, colocated: np.ndarray, quarters: int
) -> None:
    """Vectors and references of the quarters whose bits are set in `quarters`."""
    if not registers[HAS_COLOCATED]:
        registers[ERROR] = BAD_COLOCATED
    elif registers[DIRECT_SPATIAL]:
        _spatial(registers, contexts, motion, colocated, quarters)
    else:
        _temporal(registers, contexts, motion, colocated, quarters)


@inlined
@no_type_check
def _spatial(
    registers: np.ndarray, contexts: np.ndarray, motion: np.ndarray, colocated: np.ndarray, quarters: int
) -> None:
    first, second = _nearest(registers, contexts, 0), _nearest(registers, contexts, 1)
    one = two = 0
    if first < 0 and second < 0:
        first = second = 0
    else:
        one = foresee(registers, contexts, motion, 0, 0, 0, 4, first, MEDIAN) if first >= 0 else 0
        two = foresee(registers, contexts, motion, 1, 0, 0, 4, second, MEDIAN) if second >= 0 else 0
    may_hold = registers[NEAR_COLOCATED] != 0 and ((first == 0 and one != 0) or (second == 0 and two != 0))
    if quarters == ALL:
        _write_both(registers, contexts, motion, 0, 0, 2, first, second, one, two)
    for quarter in range(4):
        if not quarters >> quarter & 1:
            continue
        if quarters != ALL:
            _write_both(registers, contexts, motion, quarter & 1, quarter >> 1, 1, first, second, one, two)
        if may_hold:
            _hold_still(registers, motion, colocated, quarter, first, second)


@inlined
@no_type_check
def _write_both(
    registers: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    x: int,
    y: int,
    size: int,
    first: int,
    second: int,
    one: int,
    two: int,
) -> None:
    """References and vectors of both lists over a square of `size` quarters."""
    write_reference(registers, contexts, motion, 0, x, y, size, size, first)
    write_reference(registers, contexts, motion, 1, x, y, size, size, second)
    if first >= 0:
        write_vector(registers, motion, 0, 2 * x, 2 * y, 2 * size, 2 * size, one)
    if second >= 0:
        write_vector(registers, motion, 1, 2 * x, 2 * y, 2 * size, 2 * size, two)


@inlined
@no_type_check
def _nearest(registers: np.ndarray, contexts: np.ndarray, list_number: int) -> int:
    """The least reference around the macroblock, -1 if there is none."""
    left = reference_at(registers, contexts, list_number, -1, 0)
    above = reference_at(registers, contexts, list_number, 0, -1)
    corner = reference_at(registers, contexts, list_number, 4, -1)
    if corner == MISSING:
        corner = reference_at(registers, contexts, list_number, -1, -1)
    found = 1 << 20
    for reference in (left, above, corner):
        if 0 <= reference < found:
            found = reference
    return -1 if found == 1 << 20 else found


@inlined
@no_type_check
def _hold_still(
    registers: np.ndarray, motion: np.ndarray, colocated: np.ndarray, quarter: int, first: int, second: int
) -> None:
    """No motion towards the first pictures of the lists where the colocated square has almost none."""
    whole = registers[INFERS_8X8]
    for number in range(1 if whole else 4):
        x, y = 2 * (quarter & 1) + (number & 1), 2 * (quarter >> 1) + (number >> 1)
        vector, reference, _ = _colocated(registers, colocated, x, y, quarter)
        if reference != 0 or abs(right(vector)) > 1 or abs(vector >> 16) > 1:
            continue
        size = 2 if whole else 1
        if first == 0:
            write_vector(registers, motion, 0, x, y, size, size, 0)
        if second == 0:
            write_vector(registers, motion, 1, x, y, size, size, 0)


@inlined
@no_type_check
def _colocated(registers: np.ndarray, colocated: np.ndarray, x: int, y: int, quarter: int) -> tuple[int, int, int]:
    """Vector, reference and identity of the colocated square: of list 0, or else of list 1."""
    if registers[INFERS_8X8]:
        x, y = 3 * (quarter & 1), 3 * (quarter >> 1)
    at = 2 * registers[NUM_SQUARES] + (2 * registers[Y] + (quarter >> 1)) * 2 * registers[ACROSS]
    at += 2 * registers[X] + (quarter & 1)
    used = 0 if colocated[at] >= 0 else 1
    at += used * registers[NUM_QUARTERS]
    vector = np.int64(colocated[square_in_motion(registers, used, x, y)])
    return vector, np.int64(colocated[at]), np.int64(colocated[at + 2 * registers[NUM_QUARTERS]])


@kernel
@no_type_check
def _temporal(
    registers: np.ndarray, contexts: np.ndarray, motion: np.ndarray, colocated: np.ndarray, quarters: int
) -> None:
    for quarter in range(4):
        if not quarters >> quarter & 1:
            continue
        whole = registers[INFERS_8X8]
        for number in range(1 if whole else 4):
            x, y = 2 * (quarter & 1) + (number & 1), 2 * (quarter >> 1) + (number >> 1)
            vector, reference, identity = _colocated(registers, colocated, x, y, quarter)
            first = 0 if reference < 0 else _index_of(registers, identity)
            if reference < 0:
                vector = 0
            one, two = _scaled(registers, vector, first)
            size = 2 if whole else 1
            write_vector(registers, motion, 0, x, y, size, size, one)
            write_vector(registers, motion, 1, x, y, size, size, two)
        write_reference(registers, contexts, motion, 0, quarter & 1, quarter >> 1, 1, 1, first)
        write_reference(registers, contexts, motion, 1, quarter & 1, quarter >> 1, 1, 1, 0)


@kernel
@no_type_check
def _index_of(registers: np.ndarray, identity: int) -> int:
    """The first place of list 0 that holds the picture."""
    for number in range(registers[NUM_REFERENCES]):
        if registers[IDENTITY + number] == identity:
            return number
    registers[ERROR] = BAD_COLOCATED
    return 0


@kernel
@no_type_check
def _scaled(registers: np.ndarray, vector: int, first: int) -> tuple[int, int]:
    """The colocated vector divided between both lists in proportion to time."""
    if registers[IS_LONG + first]:
        return vector, 0
    scale = registers[SCALE + first]
    x, y = (scale * right(vector) + 128) >> 8, (scale * (vector >> 16) + 128) >> 8
    return pack(x, y), pack(x - right(vector), y - (vector >> 16))
