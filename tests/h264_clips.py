"""H.264 files in every way that x264 writes them, and what FFmpeg exports of them: the measure of our own reader."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.stream import VideoStream

from codecsense.codecs.h264.stream import Picture, Stream
from codecsense.codecs.side_data import beside

SOURCE = Path(__file__).parent / "clips/bikes_h264.mp4"

SAMPLES = "qp=1:subme=7:no-psy=1:8x8dct=0:chroma-qp-offset=-12"  # of noise, some macroblocks are written as they are


class Case(NamedTuple):
    """How x264 is told to encode, and what."""

    params: str
    preset: str = "medium"
    profile: str = ""
    width: int = 176
    height: int = 144
    num_pictures: int = 20
    noise: bool = False


QUICK = {
    "cabac": Case("bframes=3:b-adapt=0:ref=4:partitions=all:keyint=12"),
    "cavlc": Case("cabac=0:bframes=3:b-adapt=0:ref=4:partitions=all:keyint=12"),
    "temporal": Case("direct=temporal:bframes=4:b-adapt=0:b-pyramid=normal:ref=5", width=178, height=98),
    "slices": Case("slices=3:cabac=0:direct=temporal:bframes=2"),
    "samples": Case(SAMPLES, noise=True, num_pictures=4),
    "samples_cavlc": Case(SAMPLES + ":cabac=0", noise=True, num_pictures=4),
    "open_gop": Case("open-gop=1:keyint=8:bframes=3:b-adapt=0"),
    "baseline": Case("keyint=9:ref=3", profile="baseline"),
}


def every_way() -> dict[str, Case]:
    """The whole matrix."""
    return _by_coder() | _one_by_one()


def _by_coder() -> dict[str, Case]:
    presets = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
    found = {f"preset {preset}": Case("keyint=12", preset=preset) for preset in presets}
    for coder in (0, 1):
        for profile in ("baseline", "main", "high"):
            found[f"{profile} {coder}"] = Case(f"keyint=12:cabac={coder}", profile=profile)
        for count in (1, 2, 3, 5, 16):
            found[f"references {count} {coder}"] = Case(f"ref={count}:cabac={coder}:keyint=30")
        for way in ("none", "spatial", "temporal", "auto"):
            for count in (1, 4):
                params = f"direct={way}:cabac={coder}:bframes=3:b-adapt=0:ref={count}:partitions=all"
                found[f"direct {way} {count} {coder}"] = Case(params)
        for eight in (0, 1):
            found[f"transform {eight} {coder}"] = Case(f"8x8dct={eight}:cabac={coder}:partitions=all")
        for count in (2, 5):
            found[f"slices {count} {coder}"] = Case(f"slices={count}:cabac={coder}:bframes=3")
        found[f"slices of 7 {coder}"] = Case(f"slice-max-mbs=7:cabac={coder}:bframes=2")
        found[f"slices of 300 bytes {coder}"] = Case(f"slice-max-size=300:cabac={coder}:bframes=2")
    return found


def _one_by_one() -> dict[str, Case]:
    found = {}
    for count in (0, 1, 3, 8):
        for pyramid in ("none", "strict", "normal"):
            params = f"bframes={count}:b-pyramid={pyramid}:b-adapt=0:keyint=30:ref=4"
            found[f"B {count} {pyramid}"] = Case(params)
    for number in (0, 1, 2):
        found[f"weightp {number}"] = Case(f"weightp={number}")
    for number in (0, 1):
        found[f"weightb {number}"] = Case(f"weightb={number}:bframes=3:b-adapt=0")
    for qp in (1, 10, 23, 40, 51):
        found[f"qp {qp}"] = Case(f"qp={qp}")
    for width, height in ((178, 146), (130, 98), (18, 18), (34, 16), (400, 16)):
        found[f"{width} x {height}"] = Case("bframes=3", width=width, height=height)
    found["intra refresh"] = Case("intra-refresh=1:keyint=12")
    found["open GOP"] = Case("open-gop=1:keyint=10:bframes=3:b-adapt=0")
    found["adaptive qp"] = Case("crf=20:aq-mode=3:aq-strength=2")
    found["bitrate"] = Case("bitrate=60:vbv-maxrate=80:vbv-bufsize=60")
    found["matrices"] = Case("cqm=jvt:8x8dct=1")
    found["constrained intra"] = Case("constrained-intra=1:bframes=3")
    return found


def encode(case: Case, path: Path) -> Path:
    """The clip in the way of `case`."""
    with av.open(str(path), "w") as container:
        options = {"preset": case.preset, "x264-params": f"threads=1:lookahead-threads=1:{case.params}"}
        if case.profile:
            options["profile"] = case.profile
        stream = container.add_stream("libx264", rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = case.width, case.height, "yuv420p"
        for samples in _samples(case):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="yuv420p")))
        container.mux(stream.encode())
    return path


def _samples(case: Case) -> Iterator[np.ndarray]:
    if case.noise:
        noise = np.random.default_rng(0)
        for _ in range(case.num_pictures):
            yield noise.integers(0, 256, (case.height * 3 // 2, case.width), dtype=np.uint8)
        return
    with av.open(str(SOURCE)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == case.num_pictures:
                return
            yield frame.reformat(case.width, case.height, "yuv420p").to_ndarray()


def packets(path: Path) -> tuple[bytes | None, list[tuple[int | None, bytes]]]:
    """The parameter sets beside the stream, and every packet with its stamp, in coding order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [(packet.pts, bytes(packet)) for packet in container.demux(stream) if packet.size]
        return stream.codec_context.extradata, found


def read(path: Path, *, with_coefficients: bool = False) -> dict[int | None, Picture]:
    """Every picture as we read it, by its stamp."""
    extradata, found = packets(path)
    reader = Stream(extradata, with_coefficients=with_coefficients)
    pictures = {pts: reader.read(packet) for pts, packet in found}
    return {pts: picture for pts, picture in pictures.items() if picture is not None}


def exported(path: Path) -> dict[int | None, np.ndarray]:
    """The vectors that FFmpeg exports of every picture, decoded in one thread."""
    found = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        stream.codec_context.options = {"flags2": "+export_mvs"}
        for frame in container.decode(stream):
            vectors = beside(frame).get(Type.MOTION_VECTORS)
            found[frame.pts] = np.zeros(0) if vectors is None else vectors.to_ndarray().copy()
    return found


def differs(picture: Picture, blocks: np.ndarray) -> str:
    """Where the picture is not what FFmpeg exported; empty if it is nowhere.

    FFmpeg exports the first vector of each quarter, and a zero where a quarter of four does not use the list.
    """
    if picture.damage:
        return "; ".join(picture.damage)
    rows, columns = 2 * picture.layout.down, 2 * picture.layout.across
    wanted = np.zeros((2, rows, columns, 2), np.int32)
    named = np.zeros((2, rows, columns), bool)
    for block in blocks:
        number = 0 if block["source"] < 0 else 1
        top, left = (int(block["dst_y"]) - int(block["h"]) // 2) // 8, (int(block["dst_x"]) - int(block["w"]) // 2) // 8
        place = (number, slice(top, top + int(block["h"]) // 8), slice(left, left + int(block["w"]) // 8))
        wanted[place] = int(block["motion_x"]), int(block["motion_y"])
        named[place] = True
    used = picture.indices >= 0
    ours = np.where(used[..., None], picture.vectors[:, ::2, ::2], 0)
    wrong = (ours != wanted).any(-1) | (used & ~named)
    return f"{wrong.sum()} quarters, the first at {np.argwhere(wrong)[0].tolist()}" if wrong.any() else ""
