"""Luma of a decoded picture as 8 bits, reduced, whatever the pixel format.

The first plane of nearly every video format is luma and can be read in place; only the reduced copy is kept,
so that the decoder gets its picture back. Formats of another build (RGB, packed) go through FFmpeg's scaler.
"""

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8

from codecsense.codecs.residual import reduced_luma

PLANAR = ("yuv4", "yuvj4", "yuva4", "nv12", "nv21", "nv16", "gray")


def luma(picture: VideoFrame, divisor: int) -> UInt8[np.ndarray, "rows columns"]:
    """Luma of `picture`, 8 bits, each side divided by `divisor`."""
    layout = picture.format
    if not layout.name.startswith(PLANAR) or layout.name.endswith("be"):
        return reduced_luma(picture.to_ndarray(format="gray"), divisor)
    bits = layout.components[0].bits
    plane = picture.planes[0]
    kind, bytes_each = (np.uint8, 1) if bits == 8 else (np.uint16, 2)
    rows = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // bytes_each)
    reduced = reduced_luma(rows[: picture.height, : picture.width], divisor)
    return reduced if bits == 8 else (reduced >> (bits - 8)).astype(np.uint8)
