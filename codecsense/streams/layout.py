"""Which pictures become anchors, frames and maps: decided from the packet table, before anything is decoded.

Ranks are compared, not times, so that an interval of n pictures fills its slots evenly whatever the clock
says. The closing anchor's own vectors belong to the interval it closes; the opening anchor's do not.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from codecsense.codecs.container import UnreadableError
from codecsense.codecs.packets import PacketTable
from codecsense.streams.settings import AnchorConfig

NO_SLOT = -1


class Layout(NamedTuple):
    """Ranks of the anchors, of the frames of each interval, and for every picture its interval and slot."""

    anchors: Int64[np.ndarray, " A"]
    frames: Int64[np.ndarray, "A-1 F"]
    interval: Int64[np.ndarray, " pictures"]
    slot: Int64[np.ndarray, " pictures"]


def lay_out(
    packets: PacketTable, anchors: AnchorConfig, *, frames_per_interval: int, maps_per_interval: int, with_keys: bool
) -> Layout:
    """The layout of one video; `UnreadableError` if it has fewer pictures than anchors."""
    chosen = choose_anchors(packets, anchors)
    interval = np.full(len(packets), NO_SLOT)
    slot = np.full(len(packets), NO_SLOT)
    frames = np.zeros((len(chosen) - 1, frames_per_interval), np.int64)
    for number, (opening, closing) in enumerate(itertools.pairwise(chosen)):
        ranks = np.arange(opening + 1, closing + 1)
        mapped = ranks if with_keys else ranks[~packets.keys[ranks]]
        interval[mapped] = number
        slot[mapped] = np.arange(len(mapped)) * maps_per_interval // max(len(mapped), maps_per_interval)
        frames[number] = np.linspace(opening, closing, frames_per_interval + 2).round()[1:-1]
    return Layout(chosen, frames, interval, slot)


def choose_anchors(packets: PacketTable, settings: AnchorConfig) -> Int64[np.ndarray, " A"]:
    """Ranks of the anchors, strictly increasing."""
    if len(packets) < settings.count:
        raise UnreadableError(f"{len(packets)} pictures are fewer than the {settings.count} anchors")
    return np.linspace(0, len(packets) - 1, settings.count).round().astype(np.int64)
