"""Peak memory of extracting 1080p, above what the imports take, for one minute and for ten.

    python speed/memory.py [--minutes 10]

At most 200 MB above imports is promised, and no growth with length. Each length has a process of its own.
"""

import argparse
import multiprocessing
import sys
from pathlib import Path

import clips
import cv2
import settings

from codecsense import workers
from codecsense.streams.cutting import Item
from codecsense.streams.extraction import backend_for
from codecsense.streams.tristream import extract_video

PROMISED_MB = 200
FLAT_MB = 30
SECONDS = 10


def main() -> None:
    """Print the peak for both lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    minutes = parser.parse_args().minutes
    short = clips.h264(width=1920, height=1080, num_frames=SECONDS * clips.RATE_FPS, preset="veryfast")
    peaks = []
    for length in (1, minutes):
        path = clips.repeated(short, times=length * 60 // SECONDS)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            above, base, pictures = pool.apply(peak, (path,))
        peaks.append(above)
        print(f"{length} min of 1080p, {pictures} pictures: {above:.0f} MB above {base:.0f} MB of imports")
    sys.exit(max(peaks) > PROMISED_MB or peaks[1] - peaks[0] > FLAT_MB)


def peak(path: Path) -> tuple[float, float, int]:
    """MB above imports, MB of imports, and pictures decoded; the imports include what the first use compiles."""
    cv2.setNumThreads(1)
    chosen = settings.shipped(frames_per_interval=0)
    item = Item("speed", path.name, "0" * 32, "native", 0)
    tiny = clips.h264(width=192, height=108, num_frames=40, preset="veryfast")
    extract_video(tiny, chosen, backend_for(chosen, item), 0)
    workers.settle()
    base = status_mb("VmRSS")
    found = extract_video(path, chosen, backend_for(chosen, item), 0)
    return status_mb("VmHWM") - base, base, found.num_decoded


def status_mb(field: str) -> float:
    """Memory of this process as Linux counts it; its peak begins anew with every program, unlike `ru_maxrss`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    main()
