"""Files as strangers leave them: damaged in every way we have met, and unusual in every way that is allowed.

Damage is a function of its seed, so a campaign can be repeated and a finding kept as a test. Written by the tests
and by the fuzz campaign of `speed/`; no pipeline stage uses it.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from codecsense.codecs.known_clips import ENCODINGS, Encoding, render, write

HEADER_BYTES = 2048
SUFFIXES = (".mp4", ".avi", ".webm", ".mpg", ".flv", ".mkv")
ROTATION_MATRICES = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}

Damage = Callable[[bytearray, np.random.Generator, bytes], bytearray]


def damaged(sources: Sequence[Path], folder: Path, *, count: int, seed: int) -> Iterator[Path]:
    """Write `count` damaged variants of `sources` into `folder`, and yield each path."""
    kinds = list(DAMAGES.items())
    for number in range(count):
        noise = np.random.default_rng((seed, number))
        source = sources[number % len(sources)]
        other = sources[int(noise.integers(len(sources)))].read_bytes()
        name, damage = kinds[(number // len(sources)) % len(kinds)]
        data = damage(bytearray(source.read_bytes()), noise, other)
        suffix = SUFFIXES[int(noise.integers(len(SUFFIXES)))] if name == "renamed" else source.suffix
        path = folder / f"{number:04d}-{name}-{source.stem}{suffix}"
        path.write_bytes(data)
        yield path


def _truncated(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return data[: int(noise.integers(1, len(data)))]


def _flipped(first: int, last: int, data: bytearray, noise: np.random.Generator) -> bytearray:
    for place in noise.integers(first, max(last, first + 1), size=int(noise.integers(1, 60))):
        data[int(place)] ^= 1 << int(noise.integers(8))
    return data


def _header_flipped(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return _flipped(0, min(HEADER_BYTES, len(data)), data, noise)


def _tail_flipped(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return _flipped(max(0, len(data) - 4 * HEADER_BYTES), len(data), data, noise)


def _payload_flipped(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return _flipped(min(HEADER_BYTES, len(data) - 1), len(data), data, noise)


def _spliced(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    here, there = int(noise.integers(1, len(data))), int(noise.integers(1, len(other)))
    return data[:here] + other[there:]


def _holed(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    start = int(noise.integers(len(data)))
    stop = min(len(data), start + int(noise.integers(1, max(2, len(data) // 4))))
    data[start:stop] = bytes(stop - start)
    return data


def _shortened(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    start = int(noise.integers(len(data)))
    del data[start : start + int(noise.integers(1, max(2, len(data) // 4)))]
    return data or bytearray(b"\0")


def _random(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return bytearray(noise.bytes(int(noise.integers(1, 20_000))))


def _renamed(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return data


def _emptied(data: bytearray, noise: np.random.Generator, other: bytes) -> bytearray:
    return bytearray()


DAMAGES: dict[str, Damage] = {
    "truncated": _truncated,
    "header": _header_flipped,
    "tail": _tail_flipped,
    "payload": _payload_flipped,
    "spliced": _spliced,
    "holed": _holed,
    "shortened": _shortened,
    "renamed": _renamed,
    "random": _random,
    "empty": _emptied,
}


def unusual(folder: Path) -> list[Path]:
    """Write one clip of every unusual but legal kind into `folder`."""
    known = {"width": 128, "height": 96, "num_frames": 20, "seed": 5}
    clip = render("pan", **known)
    encodings = {
        "ten_bits": ENCODINGS["h264_10bit"],
        "full_chroma": ENCODINGS["h264_444"],
        "interlaced": Encoding("libx264", ".mp4", {"x264-params": "threads=1:tff=1"}),
        "open_gop": Encoding("libx264", ".mp4", {"x264-params": "threads=1:open-gop=1:keyint=6:bframes=2"}),
        "intra_refresh": Encoding("libx264", ".mp4", {"x264-params": "threads=1:intra-refresh=1:keyint=8:bframes=0"}),
        "edit_list": Encoding("libx264", ".mp4", {"x264-params": "threads=1:bframes=3"}),
        "without_stamps": Encoding("libx264", ".h264", {"x264-params": "threads=1:bframes=2"}),
        "grey": Encoding("libx264", ".mkv", {"x264-params": "threads=1"}, "gray"),
    }
    paths = []
    for name, encoding in encodings.items():
        paths.append(folder / f"{name}{encoding.suffix}")
        write(clip, paths[-1], encoding)
    for name, size in {"odd_size": (131, 97), "tiny": (16, 16), "wide": (512, 32)}.items():
        paths.append(folder / f"{name}.mkv")
        write(render("pan", **known | {"width": size[0], "height": size[1]}), paths[-1], ENCODINGS["h264_444"])
    for name, frames in {"one_picture": 1, "two_pictures": 2}.items():
        paths.append(folder / f"{name}.mp4")
        write(render("pan", **known | {"num_frames": frames}), paths[-1], ENCODINGS["h264"])
    return [*paths, _size_change(folder), _rotated(folder), _uneven(folder), _sound_only(folder), _cover_art(folder)]


def rotate(path: Path, rotation_deg: int) -> None:
    """Write a rotation (clockwise, as players apply it) into the track header of an MP4."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    a, b, c, d = (value << 16 for value in ROTATION_MATRICES[rotation_deg])
    matrix = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[start : start + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(data)


def _rotated(folder: Path) -> Path:
    path = folder / "rotated.mp4"
    write(render("pan", width=128, height=96, num_frames=20, seed=5), path, ENCODINGS["h264"])
    rotate(path, 90)
    return path


def _size_change(folder: Path) -> Path:
    """Two elementary streams one after the other: the picture grows on the way."""
    halves = []
    for width, height in ((128, 96), (192, 128)):
        half = folder / f"half_{width}.m2v"
        encoding = Encoding("mpeg2video", ".m2v", {"g": "6", "qscale": "3"})
        write(render("pan", width=width, height=height, num_frames=12, seed=5), half, encoding)
        halves.append(half.read_bytes())
        half.unlink()
    path = folder / "size_change.mpg"
    path.write_bytes(b"".join(halves))
    return path


def _uneven(folder: Path) -> Path:
    """Variable frame rate: every third picture stays four times as long."""
    path = folder / "uneven.mp4"
    clip = render("pan", width=128, height=96, num_frames=20, seed=5)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": "threads=1"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        stamp = 0
        for number, picture in enumerate(clip.pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 100)
            stamp += 16 if number % 3 == 0 else 4
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _sound_only(folder: Path) -> Path:
    path = folder / "sound_only.mp4"
    with av.open(str(path), "w") as container:
        _beep(container, _sound(container))
    return path


def _cover_art(folder: Path) -> Path:
    """Sound with a picture on its sleeve, which a demuxer lists as a video stream."""
    path = folder / "cover_art.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        assert isinstance(cover, VideoStream)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        sound = _sound(container)
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
        container.mux([*cover.encode(picture), *cover.encode()])
        _beep(container, sound)
    return path


def _sound(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=16000)
    assert isinstance(stream, AudioStream)
    stream.layout = "mono"
    return stream


def _beep(container: OutputContainer, stream: AudioStream) -> None:
    wave = np.sin(np.arange(16000, dtype=np.float32) * (2 * np.pi * 440 / 16000))[None]
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16000, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
