"""What the frozen tower says of a whole corpus, by several processes side by side; their number changes no byte.

A small tower on a CPU is bound by one core, and nothing else in the graph can run before it is done. Weights of the hub
stay in one process: they want the GPU, or all the memory.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.clips import encode_tower, moments
from codecsense.hosts import Host, HostConfig
from codecsense.progress import track
from codecsense.streams.store import StreamStore
from codecsense.workers import available

CLIPS = 4  # at a time: their pictures fit in a cache, and more are slower
BATCHES_PER_TASK = 8
MOST_PROCESSES = 4

_opened: dict[str, tuple[Host, StreamStore]] = {}  # of this process, which serves one corpus


class Said(NamedTuple):
    """What a tower says of every moment of some clips, in half precision."""

    seen: Float[Tensor, "clips moments patches seen"]
    host_width: int


def encode_corpus(settings: HostConfig, tower: Path, streams: Path, ids: Sequence[str]) -> Said:
    """What the tower in `tower` says of these clips, whose streams are in `streams`."""
    batches = [list(ids[at : at + CLIPS]) for at in range(0, len(ids), CLIPS)]
    said = list(track(_encoded(settings, tower, streams, batches), label="features: pictures", total=len(batches)))
    return Said(torch.cat([each.seen for each in said]), said[0].host_width)


def _encoded(settings: HostConfig, tower: Path, streams: Path, batches: list[list[str]]) -> Iterator[Said]:
    processes = min(available(), MOST_PROCESSES, -(-len(batches) // BATCHES_PER_TASK))
    if settings.weights != "tiny" or processes == 1:
        _open(settings, tower, streams)
        yield from map(_encode, batches)
        return
    # "spawn": a forked child would inherit locks of numerical libraries in whatever state they are.
    context, opened = multiprocessing.get_context("spawn"), (settings, tower, streams)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_open, initargs=opened) as pool:
        yield from pool.map(_encode, batches, chunksize=BATCHES_PER_TASK)


def _open(settings: HostConfig, tower: Path, streams: Path) -> None:
    _opened["corpus"] = (settings.load(tower).eval(), StreamStore(streams))


def _encode(ids: list[str]) -> Said:
    host, store = _opened["corpus"]
    return Said(encode_tower(host, moments(store, ids)), host.width)
