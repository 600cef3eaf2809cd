"""Peak memory of auditing 1,000 files and 10,000, in the process that gathers their rows.

    python speed/auditing.py [--files 10000]

At most 30 MB above imports is promised for either number; workers hold one batch. Every tenth file is a small clip,
all others cannot be opened: a row is a row. Each number has a process of its own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import clips
import memory
import settings

from codecsense import workers
from codecsense.codecs.corpus import list_corpus
from codecsense.codecs.survey import survey
from codecsense.schemas import audit as table

PROMISED_MB = 30
FEW = 1000


def main() -> None:
    """Print the peak for both numbers; with `--measure`, be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--measure", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.measure)
        return
    found = []
    for number in (FEW, chosen.files):
        command = [sys.executable, __file__, "--measure", str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        found.append(float(done.split()[0]))
        print(f"{number} files: {done.partition(' ')[0]} MB above imports, {done.partition(' ')[2]}")
    sys.exit(max(found) > PROMISED_MB)


def measure(number: int) -> None:
    """Audit `number` files and say what it took."""
    clip = clips.h264(width=96, height=96, num_frames=20, preset="veryfast").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        corpus, warm, scratch = (Path(folder, name) for name in ("corpus", "warm", "scratch"))
        for each in (corpus, warm, scratch):
            each.mkdir()
        for place in range(number):
            data = clip if place % 10 == 0 else b"no video %d" % place
            (corpus / f"{place:06d}.mp4").write_bytes(data)
        audit(corpus, warm, files=2)
        base, started = memory.status_mb("VmRSS"), time.perf_counter()
        rows = audit(corpus, scratch, files=number)
        above = memory.status_mb("VmHWM") - base
        print(f"{above:.1f} {rows} rows, {time.perf_counter() - started:.0f} s")


def audit(corpus: Path, scratch: Path, *, files: int) -> int:
    """Audit the first files of the corpus and write their table; its rows."""
    listed = list_corpus(corpus)
    listed = listed._replace(entries=listed.entries[:files])
    frame = survey(listed, settings.audit(), scratch=scratch, num_workers=workers.available())
    table.write(frame, scratch / "audit.parquet")
    return frame.height


if __name__ == "__main__":
    main()
