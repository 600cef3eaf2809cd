"""How a corpus is cut into shards, and what a shard is called.

A shard is named by what determines it: settings, format, and path and content of its videos. So a finished
shard is never made twice, and two runs that agree on the name agree on every byte.
"""

import hashlib
import json
from typing import NamedTuple

from codecsense.streams.settings import ExtractConfig

FORMAT = 3  # raise it whenever the same settings would give other bytes


class Item(NamedTuple):
    """One video of a shard; route and rotation are the audit's."""

    video_id: str
    path: str
    content_hash: str
    route: str
    rotation_deg: int


class Shard(NamedTuple):
    """A unit of work: the videos that share one file."""

    name: str
    items: tuple[Item, ...]


def cut(items: list[Item], settings: ExtractConfig) -> list[Shard]:
    """Shards of `videos_per_shard` videos, in the order given."""
    size = settings.videos_per_shard
    if size < 1:
        raise ValueError(f"extract.videos_per_shard is {size}, must be at least 1")
    groups = [tuple(items[start : start + size]) for start in range(0, len(items), size)]
    return [Shard(name_of(group, settings), group) for group in groups]


def name_of(items: tuple[Item, ...], settings: ExtractConfig) -> str:
    """A file name that changes with anything that could change a byte."""
    meant = settings.model_dump(mode="json", exclude={"videos_per_shard", "limit_s_per_video"})
    text = json.dumps([FORMAT, meant, items], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20] + ".safetensors"
