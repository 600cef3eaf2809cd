"""References and vectors of an inter macroblock, as coded [1, sections 7.3.5.1 and 7.3.5.2].

References:
    [1] ITU-T H.264, tables 7-13, 7-14, 7-17 and 7-18 for the types.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.cavlc import bits, golomb, signed_golomb
from codecsense.codecs.h264.direct import direct
from codecsense.codecs.h264.kernels import inlined, kernel
from codecsense.codecs.h264.neighbours import edge, fill
from codecsense.codecs.h264.prediction import (
    FROM_ABOVE,
    FROM_CORNER,
    FROM_LEFT,
    MEDIAN,
    foresee,
    pack,
    right,
    write_reference,
    write_vector,
)
from codecsense.codecs.h264.registers import (
    AT_DIFFERENCES,
    AT_POSITIVE,
    AT_REFERENCES,
    BAD_REFERENCE,
    BAD_SYNTAX,
    CABAC,
    COLUMNS,
    DIFFERENCES_SIZE,
    ERROR,
    KIND,
    NOTHING,
    NUM_REFERENCES,
    QUARTER_LISTS,
    QUARTER_STRIDE,
    QUARTERS,
    QUARTERS_SIZE,
    ROWS,
    SHAPE,
    SQUARE_STRIDE,
    SQUARES,
    SUBSHAPES,
    WHOLE,
    B,
    P,
)
from codecsense.codecs.h264.syntax import b_subtype, difference, p_subtype, reference

ONE, TWO, BOTH = 1, 2, 3  # lists that a part uses
# Lists of the first and second part of B types 1 to 21.
FIRST_LISTS = np.array([0, 1, 2, 3, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3], np.int64)
SECOND_LISTS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 1, 1, 3, 3, 3, 3, 1, 1, 2, 2, 3, 3], np.int64)
# B types of a quarter: shape (8 x 8, 8 x 4, 4 x 8, 4 x 4) and lists; the first is direct.
SUB_SHAPES = np.array([3, 0, 0, 0, 1, 2, 1, 2, 1, 2, 3, 3, 3], np.int64)
SUB_LISTS = np.array([0, 1, 2, 3, 1, 1, 2, 2, 3, 3, 1, 2, 3], np.int64)


@inlined
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def read_reference(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    list_number: int,
    x: int,
    y: int,
) -> int:
    """ref_idx of the part whose first quarter is at (`x`, `y`)."""
    count = registers[NUM_REFERENCES + list_number]
    if count <= 1:
        return 0
    if registers[CABAC]:
        at = list_number * registers[QUARTERS_SIZE] + registers[QUARTERS] + y * registers[QUARTER_STRIDE] + x
        found = reference(data, registers, states, contexts, at)
    elif count == 2:
        found = 1 - bits(data, registers, 1)
    else:
        found = golomb(data, registers)
    if found >= count:
        registers[ERROR] = BAD_REFERENCE
        return 0
    return found


@inlined
@no_type_check
def set_reference(
    registers: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    list_number: int,
    x: int,
    y: int,
    width: int,
    height: int,
    found: int,
) -> None:
    """Write a part's reference down; in quarters."""
    write_reference(registers, contexts, motion, list_number, x, y, width, height, found)
    at = registers[AT_POSITIVE] + list_number * registers[QUARTERS_SIZE] + registers[QUARTERS]
    at += y * registers[QUARTER_STRIDE] + x
    fill(contexts, at, registers[QUARTER_STRIDE], height, width, 1 if found > 0 else 0)


@inlined
@no_type_check
def read_vector(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    list_number: int,
    x: int,
    y: int,
    width: int,
    height: int,
    found: int,
    way: int,
) -> None:
    """What is foreseen plus what is coded, of a part in squares."""
    expected = foresee(registers, contexts, motion, list_number, x, y, width, found, way)
    if registers[CABAC]:
        at = registers[SQUARES] + y * registers[SQUARE_STRIDE] + x
        change = difference(data, registers, states, contexts, list_number, at)
        across, down = right(change), change >> 16
        sizes = min(abs(across), 127) | min(abs(down), 127) << 8
        place = registers[AT_DIFFERENCES] + list_number * registers[DIFFERENCES_SIZE] + at
        fill(contexts, place, registers[SQUARE_STRIDE], height, width, sizes)
    else:
        across = signed_golomb(data, registers)
        down = signed_golomb(data, registers)
    vector = pack(right(expected) + across, (expected >> 16) + down)
    write_vector(registers, motion, list_number, x, y, width, height, vector)


@inlined
@no_type_check
def no_differences(registers: np.ndarray, contexts: np.ndarray) -> None:
    """A macroblock in which no vector is coded, as its neighbours will see it."""
    for number in range(1 + (registers[KIND] == B)):
        place = registers[AT_DIFFERENCES] + number * registers[DIFFERENCES_SIZE] + registers[SQUARES]
        edge(contexts, place, registers[SQUARE_STRIDE], 4, 0)
        at = registers[AT_POSITIVE] + number * registers[QUARTERS_SIZE] + registers[QUARTERS]
        fill(contexts, at, registers[QUARTER_STRIDE], 2, 2, 0)


@kernel
@no_type_check
def no_motion(registers: np.ndarray, contexts: np.ndarray, motion: np.ndarray) -> None:
    """An intra macroblock in a slice of type P or B."""
    for number in range(1 + (registers[KIND] == B)):
        write_reference(registers, contexts, motion, number, 0, 0, 2, 2, NOTHING)
    no_differences(registers, contexts)


@kernel
@no_type_check
def parts(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    first: int,
    second: int,
) -> None:
    """One part, or two side by side or one above the other, with the lists that each uses."""
    shape = registers[SHAPE]
    width, height = 2 - (shape == COLUMNS), 2 - (shape == ROWS)
    num_parts = 1 if shape == WHOLE else 2
    for number in range(1 + (registers[KIND] == B)):
        for part in range(num_parts):
            x, y = part * (shape == COLUMNS), part * (shape == ROWS)
            lists = second if part else first
            found = NOTHING
            if lists >> number & 1:
                found = read_reference(data, registers, states, contexts, number, x, y)
            set_reference(registers, contexts, motion, number, x, y, width, height, found)
            registers[SUBSHAPES + 2 * number + part] = found
    for number in range(1 + (registers[KIND] == B)):
        for part in range(num_parts):
            x, y = part * (shape == COLUMNS), part * (shape == ROWS)
            found = registers[SUBSHAPES + 2 * number + part]
            if found < 0:
                at = registers[SQUARES] + 2 * y * registers[SQUARE_STRIDE] + 2 * x
                place = registers[AT_DIFFERENCES] + number * registers[DIFFERENCES_SIZE] + at
                fill(contexts, place, registers[SQUARE_STRIDE], 2 * height, 2 * width, 0)
                continue
            way = MEDIAN
            if shape == ROWS:
                way = FROM_LEFT if part else FROM_ABOVE
            elif shape == COLUMNS:
                way = FROM_CORNER if part else FROM_LEFT
            arguments = (2 * x, 2 * y, 2 * width, 2 * height)
            read_vector(data, registers, states, contexts, motion, number, *arguments, found, way)


@kernel
@no_type_check
def quarters(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    colocated: np.ndarray,
    only_first: int,
) -> None:
    """Four quarters, each with a shape and lists of its own; `only_first` where every reference is the first."""
    not_coded = 0
    for quarter in range(4):
        lists = _subtype(data, registers, states, quarter)
        registers[QUARTER_LISTS + quarter] = lists
        if lists == 0:
            not_coded |= 1 << quarter
    if not_coded:
        direct(registers, contexts, motion, colocated, not_coded)
    for number in range(1 + (registers[KIND] == B)):
        for quarter in range(4):
            x, y = quarter & 1, quarter >> 1
            lists = registers[QUARTER_LISTS + quarter]
            if lists == 0:
                at = registers[AT_POSITIVE] + number * registers[QUARTERS_SIZE] + registers[QUARTERS]
                contexts[at + y * registers[QUARTER_STRIDE] + x] = 0
                continue
            found = NOTHING
            if lists >> number & 1:
                found = 0 if only_first else read_reference(data, registers, states, contexts, number, x, y)
            set_reference(registers, contexts, motion, number, x, y, 1, 1, found)
    for number in range(1 + (registers[KIND] == B)):
        for quarter in range(4):
            _quarter_vectors(data, registers, states, contexts, motion, number, quarter)


@inlined
@no_type_check
def _subtype(data: np.ndarray, registers: np.ndarray, states: np.ndarray, quarter: int) -> int:
    """The lists that a quarter uses, none if it is direct; its shape is left in `SUBSHAPES`."""
    if registers[KIND] == P:
        kind = p_subtype(data, registers, states) if registers[CABAC] else golomb(data, registers)
        if kind > 3:
            registers[ERROR] = BAD_SYNTAX
            kind = 0
        registers[SUBSHAPES + quarter] = kind
        return ONE
    kind = b_subtype(data, registers, states) if registers[CABAC] else golomb(data, registers)
    if kind > 12:
        registers[ERROR] = BAD_SYNTAX
        kind = 0
    registers[SUBSHAPES + quarter] = SUB_SHAPES[kind]
    return SUB_LISTS[kind]


@kernel
@no_type_check
def _quarter_vectors(
    data: np.ndarray,
    registers: np.ndarray,
    states: np.ndarray,
    contexts: np.ndarray,
    motion: np.ndarray,
    number: int,
    quarter: int,
) -> None:
    """The vectors of one quarter in one list."""
    left, top = 2 * (quarter & 1), quarter & 2
    if not registers[QUARTER_LISTS + quarter] >> number & 1:
        at = registers[SQUARES] + top * registers[SQUARE_STRIDE] + left
        place = registers[AT_DIFFERENCES] + number * registers[DIFFERENCES_SIZE] + at
        fill(contexts, place, registers[SQUARE_STRIDE], 2, 2, 0)
        return
    at = registers[QUARTERS] + (quarter >> 1) * registers[QUARTER_STRIDE] + (quarter & 1)
    found = np.int64(contexts[registers[AT_REFERENCES] + number * registers[QUARTERS_SIZE] + at])
    shape = registers[SUBSHAPES + quarter]
    width, height = 2 - (shape >> 1), 2 - (shape & 1)
    for y in range(top, top + 2, height):
        for x in range(left, left + 2, width):
            read_vector(data, registers, states, contexts, motion, number, x, y, width, height, found, MEDIAN)
