"""Clips whose motion is known exactly, written in any codec that FFmpeg can encode: the measure of every backend.

A texture is moved by a formula, so the velocity at every point and time is a closed expression and a backend can
be held to it. Written by the tests and by the programs of `speed/`; no pipeline stage uses them.
"""

from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import Float64, UInt8

Motion = Literal["still", "pan", "zoom", "rotation", "cut", "flash"]

PAN_PX = (5.0, -2.0)
ZOOM_PER_FRAME = 1.02
TURN_RAD_PER_FRAME = 0.02
FLASH_PERIOD = 4
FLASH_DARKNESS = 0.6


class Clip(NamedTuple):
    """Pictures in luma or RGB, and what moves in them."""

    motion: Motion
    pictures: UInt8[np.ndarray, "frames height width 3"]

    def velocity(self, xs: np.ndarray, ys: np.ndarray) -> Float64[np.ndarray, "2 rows columns"]:
        """Pixels per frame, x right and y down, of what is at (`xs`, `ys`)."""
        height, width = self.pictures.shape[1:3]
        right, down = np.asarray(xs, float) - (width - 1) / 2, np.asarray(ys, float) - (height - 1) / 2
        if self.motion == "pan":
            return np.stack([np.full_like(right, PAN_PX[0]), np.full_like(down, PAN_PX[1])])
        if self.motion == "zoom":
            share = 1 - 1 / ZOOM_PER_FRAME
            return np.stack([right * share, down * share])
        if self.motion == "rotation":
            cosine, sine = np.cos(-TURN_RAD_PER_FRAME), np.sin(-TURN_RAD_PER_FRAME)
            return np.stack([right - (cosine * right - sine * down), down - (sine * right + cosine * down)])
        return np.zeros((2, *right.shape))


def render(motion: Motion, *, width: int, height: int, num_frames: int, seed: int) -> Clip:
    """A smooth random texture under one motion. Content moves; a pan of +5 shifts it 5 px to the right per frame."""
    canvas = texture(width=width, height=height, seed=seed)
    other = texture(width=width, height=height, seed=seed + 1)
    pictures = []
    for number in range(num_frames):
        source = other if motion == "cut" and number >= num_frames // 2 else canvas
        matrix = _matrix(motion, number, width=width, height=height, margin=(canvas.shape[0] - height) // 2)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(source, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        dark = motion == "flash" and number % FLASH_PERIOD == FLASH_PERIOD // 2
        pictures.append((picture * FLASH_DARKNESS).astype(np.uint8) if dark else picture)
    return Clip(motion, np.stack(pictures))


def texture(*, width: int, height: int, seed: int) -> UInt8[np.ndarray, "rows columns 3"]:
    """Random colour blobs of several sizes, larger than the picture on every side."""
    noise = np.random.default_rng(seed)
    margin = max(width, height) // 2
    shape = (height + 2 * margin, width + 2 * margin, 3)
    total = np.zeros(shape, np.float32)
    for blur, weight in ((2.0, 3.0), (6.0, 8.0), (20.0, 20.0)):
        total += weight * cv2.GaussianBlur(noise.standard_normal(shape).astype(np.float32), (0, 0), blur)
    return np.asarray(np.clip(128 + 40 * total, 0, 255), np.uint8)


def _matrix(motion: Motion, number: int, *, width: int, height: int, margin: int) -> Float64[np.ndarray, "2 3"]:
    """Where in the canvas the picture's points come from, `number` frames in."""
    if motion == "pan":
        return np.array([[1, 0, margin - PAN_PX[0] * number], [0, 1, margin - PAN_PX[1] * number]], np.float64)
    scale = ZOOM_PER_FRAME**-number if motion == "zoom" else 1.0
    turn = -TURN_RAD_PER_FRAME * number if motion == "rotation" else 0.0
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre + margin - linear @ centre])


class Encoding(NamedTuple):
    """An encoder of FFmpeg, with the container and pixel format that suit it."""

    encoder: str
    suffix: str
    options: dict[str, str]
    pixel_format: str = "yuv420p"


ENCODINGS = {
    "h264": Encoding("libx264", ".mp4", {"x264-params": "threads=1:keyint=16:bframes=0:ref=1"}),
    "h264_b": Encoding("libx264", ".mp4", {"x264-params": "threads=1:keyint=250"}),
    "h264_10bit": Encoding("libx264", ".mkv", {"x264-params": "threads=1:keyint=16"}, "yuv420p10le"),
    "h264_444": Encoding("libx264", ".mkv", {"x264-params": "threads=1:keyint=16"}, "yuv444p"),
    "mpeg4": Encoding("mpeg4", ".avi", {"g": "12", "qscale": "3"}),
    "mpeg4_b": Encoding("mpeg4", ".mp4", {"g": "12", "bf": "2", "qscale": "3"}),
    "mpeg2": Encoding("mpeg2video", ".mpg", {"g": "12", "bf": "2", "qscale": "3"}),
    "mpeg1": Encoding("mpeg1video", ".mpg", {"g": "12", "bf": "2", "qscale": "3"}),
    "h263p": Encoding("h263p", ".avi", {"g": "12", "qscale": "3"}),
    "flv1": Encoding("flv", ".flv", {"g": "12", "qscale": "3"}),
    "msmpeg4": Encoding("msmpeg4", ".avi", {"g": "12", "qscale": "3"}),
    "wmv1": Encoding("wmv1", ".wmv", {"g": "12", "qscale": "3"}),
    "wmv2": Encoding("wmv2", ".wmv", {"g": "12", "qscale": "3"}),
    "hevc": Encoding("libx265", ".mp4", {"x265-params": "log-level=none:pools=none:frame-threads=1"}),
    "vp8": Encoding("libvpx", ".webm", {"deadline": "realtime", "cpu-used": "8"}),
    "vp9": Encoding("libvpx-vp9", ".webm", {"deadline": "realtime", "cpu-used": "8"}),
    "av1": Encoding("libsvtav1", ".mp4", {"preset": "12"}),
    "mjpeg": Encoding("mjpeg", ".avi", {"qscale": "3"}, "yuvj420p"),
    "h264_rgb": Encoding("libx264rgb", ".mkv", {"x264-params": "threads=1:keyint=16"}, "rgb24"),
    "msmpeg4v2": Encoding("msmpeg4v2", ".avi", {"g": "12", "qscale": "3"}),
    "rv10": Encoding("rv10", ".rm", {"g": "12", "qscale": "3"}),
    "rv20": Encoding("rv20", ".rm", {"g": "12", "qscale": "3"}),
    "snow": Encoding("snow", ".nut", {"g": "12", "qscale": "3", "strict": "experimental"}),
    "svq1": Encoding("svq1", ".mov", {"g": "12", "qscale": "3"}, "yuv410p"),
    "prores": Encoding("prores_ks", ".mov", {}, "yuv422p10le"),
    "ffv1": Encoding("ffv1", ".mkv", {}),
    "zmbv": Encoding("zmbv", ".avi", {}, "bgr0"),
    "flashsv": Encoding("flashsv", ".flv", {}, "bgr24"),
    "gif": Encoding("gif", ".gif", {}, "rgb8"),
}


def write(clip: Clip, path: Path, encoding: Encoding, *, rate_fps: int = 25) -> None:
    """Encode `clip` with one thread, so that the same clip gives the same bytes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoding.encoder, rate=rate_fps, options=encoding.options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = clip.pictures.shape[1:3]
        stream.pix_fmt = encoding.pixel_format
        stream.time_base = Fraction(1, rate_fps)
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(clip.pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
