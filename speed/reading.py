"""Reading intervals back from shards, against extracting them again, in one run.

    python speed/reading.py [--intervals 1000]

Every byte of every array of an interval is touched. At least 20 times faster is promised.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import settings

from codecsense.codecs.corpus import list_corpus
from codecsense.codecs.survey import survey
from codecsense.streams.cutting import cut
from codecsense.streams.extraction import extract_corpus, gather, work_of
from codecsense.streams.store import StreamStore

CLIPS = Path(__file__).parents[1] / "tests/clips"
PROMISED = 20


def main() -> None:
    """Extract the test clips, read random intervals, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intervals", type=int, default=1000)
    wanted = parser.parse_args().intervals
    chosen = settings.shipped(videos_per_shard=4)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("audit", "extract"):
            (place / name).mkdir()
        audited = survey(list_corpus(CLIPS), settings.audit(), scratch=place / "audit", num_workers=1)
        shards = cut(work_of(audited).items, chosen)
        started = time.perf_counter()
        extract_corpus(shards, chosen, root=CLIPS, scratch=place / "extract", num_workers=1)
        extracting_s = time.perf_counter() - started
        gather(shards, [], scratch=place / "extract", store=place / "store")
        store = StreamStore(place / "store")
        reading_s = read(store, wanted)
        each_s = extracting_s / int(store.index["num_intervals"].sum())
    ratio = each_s * wanted / reading_s
    each = f"extracting one interval {each_s * 1e3:.1f} ms, reading one {reading_s / wanted * 1e3:.3f} ms"
    print(f"{each}: {ratio:.0f} times ({PROMISED} promised)")
    sys.exit(ratio < PROMISED)


def read(store: StreamStore, wanted: int) -> float:
    """Seconds to read that many random intervals, all their bytes."""
    noise = np.random.default_rng(0)
    video_ids = store.index["video_id"].to_list()
    counts = store.index["num_intervals"].to_list()
    touched = 0
    started = time.perf_counter()
    for _ in range(wanted):
        place = int(noise.integers(len(video_ids)))
        for array in store.interval(video_ids[place], int(noise.integers(counts[place]))).values():
            touched += np.array(array).nbytes
    assert touched > 0
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
