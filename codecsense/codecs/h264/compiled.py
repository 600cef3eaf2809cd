"""The functions that Python calls, compiled once a machine and kept beside the sources (numba's cache).

Numba keeps what it compiled until the file of the function called changes, whatever happens to the files of those that
it calls. Only these functions are kept, therefore, and they hold a number made of all files of the folder: when one
changes, they are compiled anew.
"""

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, no_type_check

import numpy as np

from codecsense.codecs.h264.kernels import kept_kernel
from codecsense.codecs.h264.macroblocks import slice_data
from codecsense.codecs.h264.memory import CHECKED, memory_of
from codecsense.codecs.h264.transform import add_transformed

FOLDER = Path(__file__).parent
as_data, as_registers, as_states, as_contexts, as_motion, as_colocated, as_energy, as_levels, as_weights, as_factors = (
    memory_of(label)
    for label in (
        "data",
        "registers",
        "states",
        "contexts",
        "motion",
        "colocated",
        "energy",
        "levels",
        "weights",
        "factors",
    )
)


@cache
def slice_reader() -> Callable[..., int]:
    """`macroblocks.slice_data`, compiled."""
    return _slice_reader(_stamp())


@cache
def transformer() -> Callable[..., None]:
    """`transform.add_transformed`, compiled."""
    return _transformer(_stamp())


def _stamp() -> int:
    """Of all files of the folder, and of whether bounds are checked: a checked program must not find the unchecked."""
    return 2 * zlib.crc32(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.py")))) + CHECKED


def _slice_reader(stamp: int) -> Any:
    @kept_kernel
    @no_type_check
    def read_slice(
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
        registers[-1] = stamp
        return slice_data(
            as_data(data),
            as_registers(registers),
            as_states(states),
            as_contexts(contexts),
            as_motion(motion),
            as_colocated(colocated),
            as_energy(energy),
            as_levels(levels),
            as_weights(weights),
            as_factors(factors),
        )

    return read_slice


def _transformer(stamp: int) -> Any:
    @kept_kernel
    @no_type_check
    def transform(
        levels: np.ndarray, eight: np.ndarray, residual: np.ndarray, work: np.ndarray, across: int, down: int
    ) -> None:
        if stamp >= 0:
            add_transformed(levels, eight, residual, work, across, down)

    return transform
