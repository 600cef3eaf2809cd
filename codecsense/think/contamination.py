"""Which training videos are also in a benchmark, by name or by content.

Names are compared as the field writes them: without folder and suffix, without the `v_`, `ytb_` and `youtube_` that
datasets put before a YouTube id, and by the id alone where there is one. Content is the hash of the file, so a
re-encoded copy under another name is not found; what is found is certain.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

PREFIXES = ("youtube_", "ytb_", "v_")


class Known(NamedTuple):
    """A video by name and content; `content_hash` may be empty where the file has not been seen."""

    video_id: str
    content_hash: str


class Pair(NamedTuple):
    """A training video and the video of a benchmark that it seems to be."""

    video_id: str
    benchmark: str
    benchmark_video_id: str
    by_id: bool
    by_content: bool


def overlap(training: Iterable[Known], benchmarks: Mapping[str, Iterable[Known]]) -> list[Pair]:
    """Every pair, once, in the order of the training videos' names."""
    names: dict[str, list[str]] = defaultdict(list)
    contents: dict[str, list[str]] = defaultdict(list)
    for video in training:
        names[plain_name(video.video_id)].append(video.video_id)
        if video.content_hash:
            contents[video.content_hash].append(video.video_id)
    pairs = []
    for benchmark, videos in benchmarks.items():
        for video in videos:
            by_id, by_content = names.get(plain_name(video.video_id), []), contents.get(video.content_hash, [])
            pairs += [
                Pair(ours, benchmark, video.video_id, ours in by_id, ours in by_content)
                for ours in sorted({*by_id, *by_content})
            ]
    return sorted(set(pairs))


def plain_name(video_id: str) -> str:
    """What is compared of a name; case stays, for YouTube's ids differ by it."""
    name = PurePosixPath(video_id.replace("\\", "/"))
    known_suffix = name.suffix.lower() in {".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".flv", ".mpg"}
    plain = name.stem if known_suffix else name.name
    for prefix in PREFIXES:
        plain = plain.removeprefix(prefix)
    return plain
