"""Fields traced back to the I picture, pixel by pixel, as CoViAR accumulates them."""

from typing import no_type_check

import cv2
import numpy as np
from jaxtyping import Int32
from numba import njit

from codecsense.codecs import Decoded, Field, Grid, Source
from codecsense.codecs.decoding import Video
from codecsense.codecs.luma import luma
from codecsense.codecs.residual import area_mean
from codecsense.codecs.settings import ResidualConfig
from codecsense.codecs.vectors import exported

ONLY_CODEC = "mpeg4"


class CoviarReader:
    """Keeps, for every pixel, where in the I picture it came from. Full resolution: the scheme is defined on pixels."""

    def __init__(self, video: Video, *, grid: Grid, residual: ResidualConfig, accumulate: bool) -> None:
        codec = video.stream.codec_context.codec.canonical_name
        if codec != ONLY_CODEC:
            raise ValueError(f"backend coviar reads {ONLY_CODEC} alone, not {codec}; choose routed or native")
        self.grid, self.accumulate = grid, accumulate
        self.with_residual = residual.kind != "none"
        self.opening: np.ndarray | None = None
        self.before = self.came_from = np.zeros((0, 0), np.uint8)
        self.opening_rank = self.before_rank = 0

    def feed(self, decoded: Decoded) -> list[Field]:
        """The field of this picture; none of B pictures, and of pictures before the first I picture."""
        nothing = Field(decoded.rank, decoded.time_s, Source.none, np.zeros((3, *self.grid), np.float32), None)
        if decoded.kind == "I":
            self._open(decoded)
            return [nothing]
        blocks = exported(decoded) if decoded.usable and decoded.kind == "P" else None
        if blocks is None or self.opening is None:
            return [nothing]
        grey = luma(decoded.picture, 1)
        if grey.shape != self.opening.shape:
            self.opening = None
            return [nothing]
        frames = decoded.rank - (self.opening_rank if self.accumulate else self.before_rank)
        came_from = _trace(blocks, self.came_from if self.accumulate else _here(grey.shape))
        motion = self._motion(came_from, frames, blocks)
        residual = self._residual(grey, came_from)
        self.came_from, self.before, self.before_rank = came_from, grey, decoded.rank
        return [Field(decoded.rank, decoded.time_s, Source.native, motion, residual)]

    def finish(self) -> list[Field]:
        """Nothing is ever held back."""
        self.opening = None
        return []

    def _open(self, decoded: Decoded) -> None:
        self.opening = self.before = luma(decoded.picture, 1)
        self.opening_rank = self.before_rank = decoded.rank
        self.came_from = _here(self.opening.shape)

    def _motion(self, came_from: np.ndarray, frames: int, blocks: np.ndarray) -> np.ndarray:
        displacement = (_here(came_from.shape[1:]) - came_from) / np.float32(frames)
        known = np.zeros(came_from.shape[1:], np.uint8)
        _mark(blocks, known)
        planes = [*(displacement[::-1] * known).astype(np.float32), known]
        return np.stack([area_mean(plane, self.grid) for plane in planes])

    def _residual(self, grey: np.ndarray, came_from: np.ndarray) -> np.ndarray | None:
        if not self.with_residual:
            return None
        origin = self.opening if self.accumulate else self.before
        assert origin is not None
        return area_mean(cv2.absdiff(grey, origin[came_from[0], came_from[1]]), self.grid)


def _here(shape: tuple[int, ...]) -> Int32[np.ndarray, "2 height width"]:
    """Every pixel's own row and column."""
    return np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.int32)


@njit(cache=True)
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _trace(blocks: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Where each pixel came from, given where the pixels of the picture before came from; intra pixels stay put."""
    height, width = earlier.shape[1:]
    traced = np.empty_like(earlier)
    for row in range(height):
        for column in range(width):
            traced[0, row, column], traced[1, row, column] = row, column
    for index in range(len(blocks)):
        block = blocks[index]
        if block.motion_scale == 0:
            continue
        across = round(block.motion_x / block.motion_scale)
        down = round(block.motion_y / block.motion_scale)
        top, left = block.dst_y - block.h // 2, block.dst_x - block.w // 2
        for row in range(max(top, 0), min(top + block.h, height)):
            for column in range(max(left, 0), min(left + block.w, width)):
                source_row = min(max(row + down, 0), height - 1)
                source_column = min(max(column + across, 0), width - 1)
                traced[0, row, column] = earlier[0, source_row, source_column]
                traced[1, row, column] = earlier[1, source_row, source_column]
    return traced


@njit(cache=True)
@no_type_check  # the compiler checks types itself, and cannot compile a checker
def _mark(blocks: np.ndarray, known: np.ndarray) -> None:
    """Set 1 where a block lies."""
    height, width = known.shape
    for index in range(len(blocks)):
        block = blocks[index]
        top, left = block.dst_y - block.h // 2, block.dst_x - block.w // 2
        for row in range(max(top, 0), min(top + block.h, height)):
            for column in range(max(left, 0), min(left + block.w, width)):
                known[row, column] = 1
