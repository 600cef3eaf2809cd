"""Which pictures become anchors, chosen from packets alone: what they are in time, or what they cost the encoder.

`scene` goes beyond the report: a key frame out of turn and a packet far above its neighbours both say that the
encoder could not predict the picture, which is the codec's own evidence of a new scene.
"""

import numpy as np
from jaxtyping import Float64, Int64

from codecsense.codecs.container import UnreadableError
from codecsense.codecs.packets import PacketTable
from codecsense.streams.settings import AnchorConfig

NEIGHBOURS = 24
SURPRISE = 4.0
LEAST_SHARE_APART = 0.25


def choose_anchors(packets: PacketTable, settings: AnchorConfig) -> Int64[np.ndarray, " A"]:
    """Ranks of the anchors, strictly increasing; `UnreadableError` if there are fewer pictures than anchors."""
    if settings.count < 2:
        raise ValueError(f"extract.anchors.count is {settings.count}; an interval needs two anchors")
    if len(packets) < settings.count:
        raise UnreadableError(f"{len(packets)} pictures are fewer than the {settings.count} anchors")
    even = np.linspace(0, len(packets) - 1, settings.count).round().astype(np.int64)
    if settings.policy == "key":
        return _at_keys(even, np.flatnonzero(packets.keys))
    if settings.policy == "scene":
        return _at_scenes(packets, settings.count)
    return even


def _at_keys(even: Int64[np.ndarray, " A"], keys: Int64[np.ndarray, " keys"]) -> Int64[np.ndarray, " A"]:
    """Each anchor at its nearest key frame; where that would be another anchor's place, it stays exact."""
    chosen = even.copy()
    for place, rank in enumerate(even):
        if not len(keys):
            break
        nearest = int(keys[np.abs(keys - rank).argmin()])
        lower = chosen[place - 1] if place else -1
        upper = even[place + 1] if place + 1 < len(even) else nearest + 1
        if lower < nearest < upper:
            chosen[place] = nearest
        elif rank <= lower:
            chosen[place] = lower + 1
    return chosen


def _at_scenes(packets: PacketTable, count: int) -> Int64[np.ndarray, " A"]:
    """First and last picture, then the most surprising ones that lie apart, then the middles of the longest gaps."""
    surprise = surprises(packets)
    apart = max(1, int(LEAST_SHARE_APART * len(packets) / count))
    chosen = [0, len(packets) - 1]
    for rank in np.argsort(-surprise, kind="stable"):
        if len(chosen) == count or surprise[rank] < SURPRISE:
            break
        if min(abs(int(rank) - other) for other in chosen) >= apart:
            chosen.append(int(rank))
    while len(chosen) < count:
        chosen.sort()
        longest = int(np.diff(chosen).argmax())
        chosen.append((chosen[longest] + chosen[longest + 1]) // 2)
    return np.sort(np.array(chosen, np.int64))


def surprises(packets: PacketTable) -> Float64[np.ndarray, " pictures"]:
    """How many times larger each packet is than the median of its neighbours; key frames in turn do not count."""
    sizes = np.maximum(packets.sizes.astype(np.float64), 1)
    keys = np.flatnonzero(packets.keys)
    padded = np.pad(np.where(packets.keys, np.nan, sizes), NEIGHBOURS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    known = np.isfinite(windows).any(axis=1)
    usual = np.full(len(sizes), np.median(sizes))
    usual[known] = np.nanmedian(windows[known], axis=1)
    surprise = sizes / usual
    usual_gop = np.max(np.diff(keys), initial=0) if len(keys) > 1 else 0
    in_turn = keys[np.diff(keys, prepend=keys[:1] - usual_gop) >= usual_gop]
    surprise[in_turn] = 0
    return np.asarray(surprise, np.float64)
