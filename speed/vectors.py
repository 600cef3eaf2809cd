"""What motion costs beside pictures: every pass against decoding the same file to RGB with PyAV, in one run.

    python speed/vectors.py [--rival PYTHON] [--height 720] [--frames 400] [--rounds 3]

`--rival` is the interpreter of an environment that has the package motion-vector-extractor. CPU seconds, one
thread, the least of some rounds in which all passes and the rival take turns, since a busy neighbour slows whatever
runs beside it; bounds are the ones this repository promises. `bare export` is FFmpeg's decoder alone, vectors unread.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import clips
import cv2
import settings

from codecsense import workers
from codecsense.codecs import Grid, Span
from codecsense.codecs.container import opened, video_stream
from codecsense.codecs.decoding import Video
from codecsense.codecs.packets import read_packets
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.tristream import extract_video

GRID = {"rows": 16, "columns": 16}
VECTORS = "vectors on a grid, all pictures"
RIVAL_NAME = "motion-vector-extractor"
RIVAL = """
import sys, time
from mvextractor.videocap import VideoCap
cap = VideoCap(); cap.open(sys.argv[1])
started = time.process_time(); count = 0
while True:
    found = cap.read()
    if not found[0]: break
    count += 1
print(time.process_time() - started, count)
"""


class Timed(NamedTuple):
    """CPU seconds of one pass, and the pictures that it delivered."""

    seconds: float
    pictures: int


def native(pictures: str, residual: str, windows: int = 0) -> ExtractConfig:
    """Native vectors without the loop filter, which does not change them."""
    codec = {
        "name": "native",
        "decoding": {"pictures": pictures, "loop_filter": False},
        "fill": None,
        "quantisers": False,
    }
    kind = {"kind": residual, "luma_divisor": 4, "min_samples_per_cell": 8}
    policy = {"policy": "key" if windows else "exact", "count": 8}
    window = {"per_interval": windows, "length_s": 0.5}
    changes = {"codec": codec, "residual": kind, "windows": window, "anchors": policy}
    return settings.shipped(grid=GRID, frames_per_interval=0, **changes)


def rgb(path: Path) -> int:
    """Every picture to RGB, as a loader of frames does."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        return sum(frame.to_ndarray(format="rgb24").shape[0] > 0 for frame in container.decode(stream))


def bare(path: Path) -> int:
    """Every picture decoded with its vectors beside it, which nobody reads: what no reader over FFmpeg can beat."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        stream.codec_context.options = {"flags2": "+export_mvs", "skip_loop_filter": "all"}
        return sum(1 for _ in container.decode(stream))


def grid_only(path: Path, chosen: ExtractConfig) -> int:
    """Vectors on the grid, nothing else."""
    backend = chosen.codec.build(grid=Grid(**GRID), residual=chosen.residual, route="native")
    packets = read_packets(path)
    count = 0
    with opened(path) as container:
        video = Video(container, video_stream(container), packets)
        reader = backend.reader(video)
        for decoded in backend.decode(video, [Span(0, len(packets))]):
            count += len(reader.feed(decoded))
    return count + len(reader.finish())


def tristream(path: Path, chosen: ExtractConfig) -> int:
    """Anchors, vectors and residual; no sound, since the file has none."""
    backend = chosen.codec.build(grid=Grid(**GRID), residual=chosen.residual, route="native")
    return extract_video(path, chosen, backend, 0).num_decoded


def timed(passes: dict[str, Callable[[], Timed]], rounds: int) -> dict[str, Timed]:
    """Least CPU seconds of each pass over the rounds, and what it counted."""
    best: dict[str, Timed] = {}
    for _ in range(rounds):
        for name, run in passes.items():
            best[name] = min(run(), best.get(name, Timed(float("inf"), 0)))
    return best


def here(run: Callable[[], int]) -> Callable[[], Timed]:
    """A pass of this process."""

    def measured() -> Timed:
        started = time.process_time()
        count = run()
        return Timed(time.process_time() - started, count)

    return measured


def rival(python: str, path: Path) -> Timed:
    """CPU seconds and pictures of motion-vector-extractor on the same file."""
    done = subprocess.run([python, "-c", RIVAL, str(path)], capture_output=True, text=True, check=True)
    seconds, count = done.stdout.split()
    return Timed(float(seconds), int(count))


def main() -> None:
    """Measure and print the table; exit code 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rival", default=None)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    path = clips.h264(width=chosen.height * 16 // 9, height=chosen.height, num_frames=chosen.frames)
    vectors, skipping = native("all", "none"), native("references", "none")
    everything, some = native("all", "compensated"), native("references", "compensated")
    windows = native("all", "compensated", 1)
    grid_only(path, vectors)
    tristream(path, some)
    workers.settle()
    passes = {
        "decode to RGB": here(lambda: rgb(path)),
        "bare export": here(lambda: bare(path)),
        VECTORS: here(lambda: grid_only(path, vectors)),
        "vectors on a grid, references": here(lambda: grid_only(path, skipping)),
        "tri-stream, all pictures": here(lambda: tristream(path, everything)),
        "tri-stream, references": here(lambda: tristream(path, some)),
        "tri-stream, one window of 0.5 s": here(lambda: tristream(path, windows)),
    }
    if chosen.rival:
        passes[RIVAL_NAME] = lambda: rival(chosen.rival, path)
    best = timed(passes, chosen.rounds)
    base = best["decode to RGB"].seconds
    window = 1.6 * best["tri-stream, one window of 0.5 s"].pictures / chosen.frames
    bounds = {
        VECTORS: 0.85,
        "vectors on a grid, references": 0.50,
        "tri-stream, references": 0.65,
        "tri-stream, one window of 0.5 s": window,
    }
    missed = report(path, best, base, bounds)
    if chosen.rival:
        missed |= against_rival(best)
    sys.exit(missed)


def report(path: Path, best: dict[str, Timed], base: float, bounds: dict[str, float]) -> bool:
    """Print one line per pass; whether a bound was missed."""
    print(f"{path.name}: CPU seconds, one thread, least of all rounds")
    missed = False
    for name, (seconds, count) in best.items():
        bound = bounds.get(name)
        kept = bound is None or seconds / base <= bound
        missed |= not kept
        promise = "" if bound is None else f"  (at most {bound:.2f}: {'kept' if kept else 'MISSED'})"
        print(f"{name:36s} {seconds:7.2f} s  {count:5d} pictures  ratio {seconds / base:.2f}{promise}")
    return missed


def against_rival(best: dict[str, Timed]) -> bool:
    """CPU of the rival over ours, and over the least that a reader over FFmpeg can take; at least 2 is promised."""
    theirs = best[RIVAL_NAME].seconds
    ratio, most = theirs / best[VECTORS].seconds, theirs / best["bare export"].seconds
    print(f"{RIVAL_NAME}: {ratio:.2f} times ours (at least 2 promised), {most:.2f} times the bare export")
    return ratio < 2


if __name__ == "__main__":
    main()
