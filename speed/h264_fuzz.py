"""A fuzz campaign against our H.264 reader: mutated streams, none of which may end it, hold it up or lead it astray.

    NUMBA_BOUNDSCHECK=1 python speed/h264_fuzz.py [--count 2000] [--seed 0] [--limit 5]

With bounds checked by the compiler, a read or write outside an array is an error like any other. Promised: no error but
those the reader names, no stream beyond the limit, and whatever follows an undamaged key frame is read as ever.
"""

import argparse
import sys
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from codecsense.codecs.h264 import DamagedError, UnsupportedError
from codecsense.codecs.h264.stream import Stream

CLIPS = Path(__file__).parents[1] / "tests/clips"
SOURCES = ("bikes_h264.mp4", "bunny_h264_surround.mp4")
NUM_PACKETS = 12


def main() -> None:
    """Mutate, read, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=5.0)
    chosen = parser.parse_args()
    noise = np.random.default_rng(chosen.seed)
    streams = [_packets(CLIPS / name) for name in SOURCES] + [_made(cabac) for cabac in (0, 1)]
    _read(*streams[0])  # compiles
    ends: Counter[str] = Counter()
    slow = 0
    for _ in range(chosen.count):
        extradata, packets = streams[int(noise.integers(len(streams)))]
        hit = [mutated(packet, noise) if noise.random() < 0.5 else packet for packet in packets]
        record = mutated(extradata, noise) if extradata and noise.random() < 0.2 else extradata
        started = time.process_time()
        ends[_read(record, hit)] += 1
        slow += time.process_time() - started > chosen.limit
    for end, count in ends.most_common():
        print(f"{count:5d}  {end}")
    mistakes = sum(count for end, count in ends.items() if end.startswith("a mistake"))
    print(f"{chosen.count} streams: {mistakes} mistakes of ours, {slow} beyond {chosen.limit} s of CPU")
    sys.exit(bool(mistakes or slow))


def mutated(data: bytes, noise: np.random.Generator) -> bytes:
    """A few bytes changed, some cut away."""
    changed = bytearray(data)
    for _ in range(int(noise.integers(1, 8))):
        changed[int(noise.integers(len(changed)))] = int(noise.integers(256))
    if noise.random() < 0.15:
        del changed[int(noise.integers(1, len(changed) + 1)) :]
    return bytes(changed)


def _read(extradata: bytes, packets: list[bytes]) -> str:
    """How reading ended."""
    try:
        stream = Stream(extradata)
        pictures = [stream.read(packet) for packet in packets]
    except (UnsupportedError, DamagedError) as error:
        return f"left out: {error}"[:60]
    except Exception as error:
        return f"a mistake: {type(error).__name__}: {error}"[:120]
    damaged = sum(picture is None or bool(picture.damage) for picture in pictures)
    return "read, some pictures damaged" if damaged else "read, nothing noticed"


def _packets(path: Path) -> tuple[bytes, list[bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [bytes(packet) for packet in container.demux(stream) if packet.size]
        return bytes(stream.codec_context.extradata or b""), found[:NUM_PACKETS]


def _made(cabac: int) -> tuple[bytes, list[bytes]]:
    """A small clip with slices, temporal direct prediction and weights, without a container."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 176, 144, "yuv420p"
    params = f"threads=1:cabac={cabac}:slices=3:direct=temporal:bframes=3:b-adapt=0:ref=4:keyint=6:partitions=all"
    context.options = {"preset": "medium", "x264-params": params}
    context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
    packets = []
    with av.open(str(CLIPS / SOURCES[0])) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == NUM_PACKETS:
                break
            samples = frame.reformat(176, 144, "yuv420p").to_ndarray()
            small = av.VideoFrame.from_ndarray(samples, format="yuv420p")
            small.pts, small.time_base = number, context.time_base
            packets += context.encode(small)
    return b"", [bytes(packet) for packet in [*packets, *context.encode(None)]]


if __name__ == "__main__":
    main()
