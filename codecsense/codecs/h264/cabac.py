"""The arithmetic decoder: one bin at a time [1, section 9.3].

The offset is kept with up to 39 further bits to its right, so the stream is touched once in 32 bins. Beyond the end of
the unit zeros are read, and the slice is then found to be damaged.

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.cabac_tables import CONTEXT_STARTS, LESS_RANGES, SHIFTS, TRANSITIONS
from codecsense.codecs.h264.kernels import kernel
from codecsense.codecs.h264.registers import BITS, CONTEXT_SET, END, PLACE, QP, RANGE, VALUE


@kernel
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def open_cabac(data: np.ndarray, registers: np.ndarray, states: np.ndarray) -> None:
    """Contexts as the slice begins, and the decoder at the byte `PLACE`."""
    kind, qp = registers[CONTEXT_SET], max(0, min(51, registers[QP]))
    for context in range(len(CONTEXT_STARTS[0])):
        m, n = np.int64(CONTEXT_STARTS[kind, context, 0]), np.int64(CONTEXT_STARTS[kind, context, 1])
        state = max(1, min(126, ((m * qp) >> 4) + n))
        states[context] = 2 * (63 - state) if state <= 63 else 2 * (state - 64) + 1
    start_cabac(data, registers)


@kernel
@no_type_check
def start_cabac(data: np.ndarray, registers: np.ndarray) -> None:
    """The decoder anew at the byte `PLACE`: at the start of a slice, and after samples that were not coded."""
    registers[RANGE], registers[VALUE], registers[BITS] = 510, 0, -9
    refill(data, registers)
    refill(data, registers)


@kernel
@no_type_check
def refill(data: np.ndarray, registers: np.ndarray) -> None:
    """16 more bits to the right of the value."""
    place = registers[PLACE]
    more = 0
    if place + 1 < registers[END] + 8:
        more = np.int64(data[place]) << 8 | np.int64(data[place + 1])
    registers[VALUE] = registers[VALUE] << 16 | more
    registers[BITS] += 16
    registers[PLACE] = place + 2


@kernel
@no_type_check
def decode_bin(data: np.ndarray, registers: np.ndarray, states: np.ndarray, context: int) -> int:
    """The next bin in this context."""
    state = np.int64(states[context])
    width = registers[RANGE]
    less = np.int64(LESS_RANGES[(state >> 1) * 4 + ((width >> 6) & 3)])
    width -= less
    scaled = width << registers[BITS]
    found = state & 1
    if registers[VALUE] >= scaled:
        registers[VALUE] -= scaled
        width = less
        found ^= 1
        state += 128
    states[context] = TRANSITIONS[state]
    shift = np.int64(SHIFTS[width])
    registers[RANGE] = width << shift
    registers[BITS] -= shift
    if registers[BITS] < 8:
        refill(data, registers)
    return found


@kernel
@no_type_check
def bypass(data: np.ndarray, registers: np.ndarray) -> int:
    """The next bin that is as likely 0 as 1."""
    registers[BITS] -= 1
    scaled = registers[RANGE] << registers[BITS]
    found = 0
    if registers[VALUE] >= scaled:
        registers[VALUE] -= scaled
        found = 1
    if registers[BITS] < 8:
        refill(data, registers)
    return found


@kernel
@no_type_check
def terminates(data: np.ndarray, registers: np.ndarray) -> bool:
    """Whether the slice ends here, or samples follow as they are."""
    width = registers[RANGE] - 2
    if registers[VALUE] >= width << registers[BITS]:
        registers[RANGE] = 2
        return True
    shift = np.int64(SHIFTS[width])
    registers[RANGE] = width << shift
    registers[BITS] -= shift
    if registers[BITS] < 8:
        refill(data, registers)
    return False


@kernel
@no_type_check
def leave_cabac(registers: np.ndarray) -> None:
    """`PLACE` at the byte that follows the bits which were used."""
    used = registers[PLACE] * 8 - registers[BITS]
    registers[PLACE] = (used + 7) >> 3
