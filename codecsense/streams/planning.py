"""What an extraction will take, before it starts: rates measured on a sample, applied to the audit of the rest.

Cost is nearly proportional to the pixels that a decoder delivers, with a constant per picture and per video;
codecs differ in the factor. So each codec and route has its own rate, in seconds per unit of work, from a few
of its videos spread over their sizes. Bytes need no sample: they follow from the shapes.
"""

import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from codecsense.codecs.container import UnreadableError
from codecsense.codecs.corpus import inside
from codecsense.schemas.audit import Audit
from codecsense.streams import VideoStreams
from codecsense.streams.cutting import Item
from codecsense.streams.extraction import backend_for, item_of
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.tristream import extract_video

PIXELS_PER_PICTURE = 40_000  # what a picture costs beside its pixels, expressed in pixels
PIXELS_PER_VIDEO = 1_000_000  # what opening a file and its sound cost
SAMPLE_PER_GROUP = 6
START = "import codecsense.streams.extraction, codecsense.codecs.native_reader, codecsense.codecs.estimated_reader"


class Job(NamedTuple):
    """One video as the plan sees it."""

    item: Item
    group: str
    width: int
    height: int
    num_frames: int

    @property
    def work(self) -> float:
        """Pixels to decode, with what pictures and files cost beside them."""
        return self.num_frames * (self.width * self.height + PIXELS_PER_PICTURE) + PIXELS_PER_VIDEO


class Rates(NamedTuple):
    """Seconds of CPU per unit of work by group, without a sample, and to start a worker; and bytes per video."""

    per_work_s: dict[str, float]
    other_s: float
    start_s: float
    bytes_per_picture_pixel: float
    bytes_beside_pictures: float


class Plan(NamedTuple):
    """What an extraction will take."""

    num_videos: int
    cpu_s: float
    num_bytes: float
    num_shards: int


def jobs_of(audit: pl.DataFrame) -> list[Job]:
    """The readable videos of an audit."""
    jobs = []
    for row in audit.filter(pl.col(Audit.readable)).iter_rows(named=True):
        group = f"{row[Audit.codec]}, {row[Audit.route]}"
        jobs.append(Job(item_of(row), group, row[Audit.width], row[Audit.height], row[Audit.num_frames]))
    return jobs


def sample(jobs: Sequence[Job], *, per_group: int = SAMPLE_PER_GROUP) -> list[Job]:
    """A few videos of each group, evenly spread over its amounts of work."""
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.group].append(job)
    chosen = []
    for members in groups.values():
        ordered = sorted(members, key=lambda job: (job.work, job.item.video_id))
        places = np.linspace(0, len(ordered) - 1, 2 * min(per_group, len(ordered)) + 1)[1::2].round().astype(int)
        chosen += [ordered[place] for place in dict.fromkeys(places.tolist())]
    return chosen


def measure(jobs: Sequence[Job], settings: ExtractConfig, *, root: Path) -> Rates:
    """Extract a sample and time it, in seconds of CPU; videos that cannot be read cost what they cost.

    One video of each group is read once before, unmeasured, so that first use is not taken for the rule.
    """
    settings.codec.require()
    seconds: dict[str, float] = defaultdict(float)
    work: dict[str, float] = defaultdict(float)
    beside, pixels = [], []
    for job in sample(jobs):
        if job.group not in work:
            _extracted(job, settings, root)
        started = time.process_time()
        streams = _extracted(job, settings, root)
        seconds[job.group] += time.process_time() - started
        work[job.group] += job.work
        if streams is not None:
            pictures = streams.anchors.size + streams.frames.size
            pixels.append(pictures / _picture_pixels(job, settings))
            beside.append(sum(array.nbytes for array in streams) - pictures)
    if not beside:
        raise ValueError("no video of the sample could be extracted, so nothing can be predicted")
    rates = {group: seconds[group] / work[group] for group in work}
    other = sum(seconds.values()) / sum(work.values())
    return Rates(rates, other, start_s(), float(np.mean(pixels)), float(np.mean(beside)))


def start_s() -> float:
    """Seconds of CPU until a worker is ready."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", START], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def plan(jobs: Sequence[Job], rates: Rates, settings: ExtractConfig, *, num_workers: int) -> Plan:
    """The cost of extracting `jobs` at the given rates."""
    cpu_s = sum(job.work * rates.per_work_s.get(job.group, rates.other_s) for job in jobs)
    cpu_s += rates.start_s * num_workers
    num_bytes = sum(
        rates.bytes_per_picture_pixel * _picture_pixels(job, settings) + rates.bytes_beside_pictures for job in jobs
    )
    return Plan(len(jobs), cpu_s, num_bytes, -(-len(jobs) // settings.videos_per_shard))


def _picture_pixels(job: Job, settings: ExtractConfig) -> int:
    return min(job.width * job.height, settings.max_picture_pixels)


def _extracted(job: Job, settings: ExtractConfig, root: Path) -> VideoStreams | None:
    try:
        path = inside(root, job.item.path)
        return extract_video(path, settings, backend_for(settings, job.item), job.item.rotation_deg).streams
    except UnreadableError:
        return None
