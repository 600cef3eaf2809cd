"""The plan against the run, and two workers against one, on a few hundred clips.

    python speed/extraction.py [--corpus data/world] [--videos 300] [--report-corpus]

CPU seconds of all processes; the plan must be within 25 % of the run, two workers at least 1.7 times one on two
idle cores. `--report-corpus` applies the measured rates to the report's corpus, whose picture sizes are ASSUMED.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import settings

from codecsense.codecs.corpus import list_corpus
from codecsense.codecs.survey import REPORTED, survey
from codecsense.streams import planning
from codecsense.streams.cutting import Item, Shard, cut
from codecsense.streams.extraction import extract_corpus, work_of

CLIPS = Path(__file__).parents[1] / "tests/clips"
REPORTED_HOURS = 2799
ASSUMED_FPS = 30
ASSUMED_SIZES = ((640, 360), (1280, 720))
ROUTES = {"h264": "native", "mpeg4": "native", "vp9": "estimated", "vp6f": "estimated", "av1": "estimated"}


def main() -> None:
    """Plan, run with one worker and with two, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("data/world"))
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--report-corpus", action="store_true")
    chosen = parser.parse_args()
    if chosen.report_corpus:
        report_corpus()
        return
    config = settings.shipped(videos_per_shard=max(1, chosen.videos // 8))
    listed = list_corpus(chosen.corpus)
    listed = listed._replace(entries=listed.entries[: chosen.videos])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "audit").mkdir()
        audited = survey(listed, settings.audit(), scratch=place / "audit", num_workers=2)
        jobs = planning.jobs_of(audited)
        predicted = planning.plan(jobs, planning.measure(jobs, config, root=listed.root), config, num_workers=1)
        shards = cut(work_of(audited).items, config)
        one = run(shards, config, listed.root, place / "one", 1)
        two = run(shards, config, listed.root, place / "two", 2)
        size = sum(path.stat().st_size for path in (place / "one").glob("*.safetensors"))
    off, gain = predicted.cpu_s / one[1] - 1, one[0] / two[0]
    print(f"plan {predicted.cpu_s:.1f} CPU s, run {one[1]:.1f} CPU s: off by {off:+.0%} (25 % allowed)")
    print(f"plan {predicted.num_bytes / 1e6:.0f} MB, run {size / 1e6:.0f} MB")
    print(f"one worker {one[0]:.1f} s, two {two[0]:.1f} s: {gain:.2f} times (1.7 promised on two idle cores)")
    sys.exit(abs(off) > 0.25)


def run(shards: list[Shard], config: object, root: Path, scratch: Path, num_workers: int) -> tuple[float, float]:
    """Wall and CPU seconds of extracting everything."""
    scratch.mkdir()
    before, started = _children_s(), time.perf_counter()
    extract_corpus(shards, config, root=root, scratch=scratch, num_workers=num_workers)  # type: ignore[arg-type]
    return time.perf_counter() - started, _children_s() - before


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report_corpus() -> None:
    """What 180,480 videos of 2,799 hours would take, at rates measured on the test clips."""
    config = settings.shipped(
        anchors={"policy": "exact", "count": 8}, frames_per_interval=0, grid={"rows": 16, "columns": 16}
    )
    with tempfile.TemporaryDirectory() as folder:
        listed = list_corpus(CLIPS)
        audited = survey(listed, settings.audit(), scratch=Path(folder), num_workers=1)
    rates = planning.measure(planning.jobs_of(audited), config, root=listed.root)
    frames = round(REPORTED_HOURS * 3600 * ASSUMED_FPS / sum(REPORTED.values()))
    for width, height in ASSUMED_SIZES:
        jobs = []
        for codec, count in REPORTED.items():
            item = Item(codec, codec, "0" * 32, ROUTES[codec], 0)
            jobs += [planning.Job(item, f"{codec}, {ROUTES[codec]}", width, height, frames)] * count
        plan = planning.plan(jobs, rates, config, num_workers=1)
        print(
            f"{width} x {height} at {ASSUMED_FPS} fps: {plan.cpu_s / 3600:,.0f} CPU hours, "
            f"{plan.num_shards:,} shards, {plan.num_bytes / 1e12:.2f} TB"
        )


if __name__ == "__main__":
    main()
