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
from codecsense.codecs.h264.transform import add_transformed

FOLDER = Path(__file__).parent


@cache
def slice_reader() -> Callable[..., int]:
    """`macroblocks.slice_data`, compiled."""
    return _slice_reader(_stamp())


@cache
def transformer() -> Callable[..., None]:
    """`transform.add_transformed`, compiled."""
    return _transformer(_stamp())


def _stamp() -> int:
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.py"))))


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
        return slice_data(data, registers, states, contexts, motion, colocated, energy, levels, weights, factors)

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
