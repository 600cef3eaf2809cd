"""Which pictures become frames and maps, and what must be decoded for them: decided before anything is decoded.

Ranks are compared, not times, so that an interval of n pictures fills its slots evenly whatever the clock
says. The closing anchor's own vectors belong to the interval it closes; the opening anchor's do not.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from codecsense.codecs import Span
from codecsense.codecs.packets import PacketTable
from codecsense.streams.anchors import choose_anchors
from codecsense.streams.settings import ExtractConfig, WindowConfig

NO_SLOT = -1


class Layout(NamedTuple):
    """Ranks of the anchors, of the frames of each interval, for every picture its interval and slot; and the spans."""

    anchors: Int64[np.ndarray, " A"]
    frames: Int64[np.ndarray, "A-1 F"]
    interval: Int64[np.ndarray, " pictures"]
    slot: Int64[np.ndarray, " pictures"]
    spans: list[Span]


def lay_out(packets: PacketTable, settings: ExtractConfig, *, with_keys: bool) -> Layout:
    """The layout of one video. `with_keys` says whether key frames have maps."""
    chosen = choose_anchors(packets, settings.anchors)
    interval = np.full(len(packets), NO_SLOT)
    slot = np.full(len(packets), NO_SLOT)
    read = _read_at_all(packets, chosen, settings.windows)
    frames = np.zeros((len(chosen) - 1, settings.frames_per_interval), np.int64)
    for number, (opening, closing) in enumerate(pairwise(chosen)):
        ranks = np.arange(opening + 1, closing + 1)
        mapped = ranks[read[ranks] & (with_keys | ~packets.keys[ranks])]
        interval[mapped] = number
        places = settings.maps_per_interval
        slot[mapped] = np.arange(len(mapped)) * places // max(len(mapped), places)
        frames[number] = np.linspace(opening, closing, settings.frames_per_interval + 2).round()[1:-1]
    wanted = np.concatenate([chosen, frames.ravel()])
    return Layout(chosen, frames, interval, slot, _spans(packets, read, wanted))


def _read_at_all(packets: PacketTable, anchors: Int64[np.ndarray, " A"], windows: WindowConfig) -> np.ndarray:
    """For every picture, whether its motion is read: all of them, or those of the windows."""
    if windows.per_interval == 0 or not packets.ranks:
        return np.ones(len(packets), bool)
    read = np.zeros(len(packets), bool)
    keys = np.flatnonzero(packets.keys)
    length = max(2, round(windows.length_s / packets.frame_interval_s))
    for opening, closing in pairwise(anchors):
        for target in np.linspace(opening, closing, windows.per_interval + 1)[:-1]:
            inside = keys[(keys >= opening) & (keys < closing)]
            start = int(inside[np.abs(inside - target).argmin()]) if len(inside) else int(opening)
            read[start : min(start + length, closing + 1)] = True
    return read


def _spans(packets: PacketTable, read: np.ndarray, wanted: Int64[np.ndarray, " wanted"]) -> list[Span]:
    """Stretches to decode: from the key frame before each picture that is needed, neighbours joined."""
    if read.all():
        return [Span(0, len(packets))]
    needed = read.copy()
    needed[wanted] = True
    keys = np.union1d([0], np.flatnonzero(packets.keys))
    opening_key = keys[np.searchsorted(keys, np.arange(len(packets)), side="right") - 1]
    spans: list[Span] = []
    for rank in np.flatnonzero(needed):
        if spans and opening_key[rank] <= spans[-1].stop:
            spans[-1] = Span(spans[-1].start, int(rank) + 1)
        else:
            spans.append(Span(int(opening_key[rank]), int(rank) + 1))
    return spans
