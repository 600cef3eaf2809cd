"""The arithmetic decoder: one bin at a time [1, section 9.3].

The offset stands at the top of a word with up to 54 further bits to its right, so the stream is touched once in 32
bits. A bin is found without a branch, since which one it is cannot be foreseen. Beyond the end of the unit zeros are
read, and the slice is then found to be damaged.

References:
    [1] ITU-T H.264.
"""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.cabac_tables import CONTEXT_STARTS, LESS_RANGES, TRANSITIONS
from codecsense.codecs.h264.kernels import inlined, kernel, leading_zeros
from codecsense.codecs.h264.registers import BITS, CONTEXT_SET, END, PLACE, QP, RANGE, VALUE

TOP = 54  # where the lowest bit of the offset stands
FEW = 16  # bits to its right, below which 32 more are read; a bin takes 8 at most


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
    registers[RANGE] = 510
    found = refill(data, 0, -9, registers[PLACE], registers[END])
    registers[VALUE], registers[BITS], registers[PLACE] = found


@inlined
@no_type_check
def refill(data: np.ndarray, value: int, bits: int, place: int, end: int) -> tuple[int, int, int]:
    """32 further bits of the stream, zeros beyond its end."""
    more = 0
    if place < end + 8:
        more = np.int64(data[place]) << 24 | np.int64(data[place + 1]) << 16
        more |= np.int64(data[place + 2]) << 8 | np.int64(data[place + 3])
    return value | more << (TOP - 32 - bits), bits + 32, place + 4


@inlined
@no_type_check
def step(
    data: np.ndarray, states: np.ndarray, context: int, width: int, value: int, bits: int, place: int, end: int
) -> tuple[int, int, int, int, int]:
    """The next bin in this context, and the decoder's state after it."""
    state = np.int64(states[context])
    less = np.int64(LESS_RANGES[((width & 0xC0) << 1) + state])
    width -= less
    scaled = width << TOP
    mask = (scaled - value - 1) >> 63  # all ones where the bin is the less probable one
    value -= scaled & mask
    width += (less - width) & mask
    state ^= mask
    states[context] = TRANSITIONS[(128 + state) & 255]
    shift = leading_zeros(width) - 55
    width <<= shift
    value <<= shift
    bits -= shift
    if bits < FEW:
        value, bits, place = refill(data, value, bits, place, end)
    return state & 1, width, value, bits, place


@inlined
@no_type_check
def even(data: np.ndarray, width: int, value: int, bits: int, place: int, end: int) -> tuple[int, int, int, int]:
    """The next bin that is as likely 0 as 1."""
    scaled = width << (TOP - 1)
    mask = (scaled - value - 1) >> 63
    value = (value - (scaled & mask)) << 1
    bits -= 1
    if bits < FEW:
        value, bits, place = refill(data, value, bits, place, end)
    return -mask, value, bits, place


@inlined
@no_type_check
def decode_bin(data: np.ndarray, registers: np.ndarray, states: np.ndarray, context: int) -> int:
    """The next bin in this context."""
    width, value, bits = registers[RANGE], registers[VALUE], registers[BITS]
    found, width, value, bits, place = step(data, states, context, width, value, bits, registers[PLACE], registers[END])
    registers[RANGE], registers[VALUE], registers[BITS], registers[PLACE] = width, value, bits, place
    return found


@inlined
@no_type_check
def bypass(data: np.ndarray, registers: np.ndarray) -> int:
    """The next bin that is as likely 0 as 1."""
    value, bits, place = registers[VALUE], registers[BITS], registers[PLACE]
    found, value, bits, place = even(data, registers[RANGE], value, bits, place, registers[END])
    registers[VALUE], registers[BITS], registers[PLACE] = value, bits, place
    return found


@inlined
@no_type_check
def terminates(data: np.ndarray, registers: np.ndarray) -> bool:
    """Whether the slice ends here, or samples follow as they are."""
    width = registers[RANGE] - 2
    if registers[VALUE] >= width << TOP:
        registers[RANGE] = 2
        return True
    if width < 256:
        registers[RANGE] = width << 1
        registers[VALUE] <<= 1
        registers[BITS] -= 1
        if registers[BITS] < FEW:
            found = refill(data, registers[VALUE], registers[BITS], registers[PLACE], registers[END])
            registers[VALUE], registers[BITS], registers[PLACE] = found
    else:
        registers[RANGE] = width
    return False


@inlined
@no_type_check
def num_used(registers: np.ndarray) -> int:
    """Bits of the unit that were looked at."""
    return registers[PLACE] * 8 - registers[BITS]


@kernel
@no_type_check
def leave_cabac(registers: np.ndarray) -> None:
    """`PLACE` at the byte that follows the bits which were used."""
    registers[PLACE] = (num_used(registers) + 7) >> 3
