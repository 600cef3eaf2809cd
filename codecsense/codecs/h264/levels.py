"""What becomes of the levels of luma: energy where they stand, and on request the coefficients themselves."""

from typing import no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import kernel
from codecsense.codecs.h264.registers import (
    ACROSS,
    COEFFICIENTS,
    DC,
    INTRA,
    PAIRS,
    QP,
    WANTS_LEVELS,
    X,
    Y,
)
from codecsense.codecs.h264.scaling import PLACES_OF_8X8, ZIGZAG_4X4, ZIGZAG_8X8


@kernel
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def keep_square(
    registers: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
    total: int,
    x: int,
    y: int,
    first: int,
) -> None:
    """The levels that were read last, of the square at (`x`, `y`) of the macroblock; scan places from `first` on."""
    base = ((0 if registers[INTRA] else 52) + registers[QP]) * 16 + first
    found = 0.0
    for number in range(total):
        level = registers[COEFFICIENTS + number]
        found += level * level * weights[base + registers[PAIRS + number]]
    energy[(4 * registers[Y] + y) * 4 * registers[ACROSS] + 4 * registers[X] + x] += np.float32(found)
    if registers[WANTS_LEVELS]:
        shift = registers[QP] // 6 - 4
        at = (16 * registers[Y] + 4 * y) * 16 * registers[ACROSS] + 16 * registers[X] + 4 * x
        for number in range(total):
            scan = registers[PAIRS + number]
            raster = ZIGZAG_4X4[scan + first]
            scaled = _shifted(registers[COEFFICIENTS + number] * factors[base + scan], shift)
            levels[at + (raster >> 2) * 16 * registers[ACROSS] + (raster & 3)] = scaled


@kernel
@no_type_check
def keep_quarter(
    registers: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
    total: int,
    x: int,
    y: int,
    first: int,
    step: int,
) -> None:
    """The same for an 8 x 8 block, whose energy its four squares share; CAVLC writes it in four interleaved parts."""
    base = PLACES_OF_8X8 + ((0 if registers[INTRA] else 52) + registers[QP]) * 64
    found = 0.0
    for number in range(total):
        level = registers[COEFFICIENTS + number]
        found += level * level * weights[base + first + step * registers[PAIRS + number]]
    at = (4 * registers[Y] + y) * 4 * registers[ACROSS] + 4 * registers[X] + x
    for row in range(2):
        for column in range(2):
            energy[at + row * 4 * registers[ACROSS] + column] += np.float32(found / 4)
    if registers[WANTS_LEVELS]:
        shift = registers[QP] // 6 - 6
        at = (16 * registers[Y] + 4 * y) * 16 * registers[ACROSS] + 16 * registers[X] + 4 * x
        for number in range(total):
            scan = first + step * registers[PAIRS + number]
            raster = ZIGZAG_8X8[scan]
            scaled = _shifted(registers[COEFFICIENTS + number] * factors[base + scan], shift)
            levels[at + (raster >> 3) * 16 * registers[ACROSS] + (raster & 7)] = scaled


@kernel
@no_type_check
def _shifted(number: int, shift: int) -> int:
    """A shift to the left, or a rounded one to the right."""
    return number << shift if shift >= 0 else (number + (1 << (-shift - 1))) >> -shift


@kernel
@no_type_check
def keep_dc(
    registers: np.ndarray,
    energy: np.ndarray,
    levels: np.ndarray,
    weights: np.ndarray,
    factors: np.ndarray,
    total: int,
) -> None:
    """The first coefficient of all sixteen squares of an intra 16 x 16 macroblock, transformed once more."""
    for number in range(16):
        registers[DC + number] = 0
    for number in range(total):
        registers[DC + ZIGZAG_4X4[registers[PAIRS + number]]] = registers[COEFFICIENTS + number]
    _hadamard(registers, 1, 4)
    _hadamard(registers, 4, 1)
    base = registers[QP] * 16
    shift = registers[QP] // 6 - 6
    for number in range(16):
        x, y = number & 3, number >> 2
        dc = registers[DC + number]
        at = (4 * registers[Y] + y) * 4 * registers[ACROSS] + 4 * registers[X] + x
        energy[at] += np.float32(dc * dc * weights[base] / 16)
        if registers[WANTS_LEVELS]:
            at = (16 * registers[Y] + 4 * y) * 16 * registers[ACROSS] + 16 * registers[X] + 4 * x
            levels[at] = _shifted(dc * factors[base], shift)


@kernel
@no_type_check
def _hadamard(numbers: np.ndarray, step: int, stride: int) -> None:
    """Four transforms of four numbers each."""
    for first in range(4):
        at = DC + first * stride
        a, b, c, d = numbers[at], numbers[at + step], numbers[at + 2 * step], numbers[at + 3 * step]
        numbers[at] = a + b + c + d
        numbers[at + step] = a + b - c - d
        numbers[at + 2 * step] = a - b - c + d
        numbers[at + 3 * step] = a - b + c - d
