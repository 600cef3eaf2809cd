"""The packets of a video in display order: the cheap map of a file, read without decoding a picture.

Demuxing costs about a thousandth of decoding and gives every picture's time, size and key flag, so anchors and
intervals are chosen before anything is decoded. Container headers are not asked: on damaged files they lie.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from codecsense.codecs.container import BAD_FILE, UnreadableError, opened, reason, video_stream

MAX_ERRORS = 1000


@dataclass(frozen=True)
class PacketTable:
    """Pictures of one video stream, in display order. Without time stamps, order and rate stand in for them.

    `pts` int64, in the stream's time base (empty where the file has no usable stamps); `time_s` float64 from the
    first picture; `sizes` bytes int64; `keys` bool; `order` int64, the display rank of each packet in coding order.
    """

    pts: np.ndarray
    time_s: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray
    order: np.ndarray
    errors: int

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def ranks(self) -> dict[int, int]:
        """Display rank by presentation stamp; empty where pictures can only be counted."""
        return {int(stamp): rank for rank, stamp in enumerate(self.pts)}

    @cached_property
    def frame_interval_s(self) -> float:
        """The usual time from one picture to the next: the time base of every velocity."""
        return float(np.median(np.diff(self.time_s))) if len(self) > 1 else 0.04

    @property
    def duration_s(self) -> float:
        """From the first picture to the end of the last."""
        return float(self.time_s[-1] - self.time_s[0] + self.frame_interval_s)

    def distance(self, start: int, end: int) -> float:
        """Frame intervals from one rank to another; by the clock only where pictures do not come evenly."""
        elapsed_s = float(self.time_s[end] - self.time_s[start])
        return elapsed_s / self.frame_interval_s if self.variable_rate and elapsed_s else float(end - start)

    @cached_property
    def variable_rate(self) -> bool:
        """Whether pictures stand apart by more than rounding of the time base explains."""
        gaps = np.diff(self.time_s)
        return len(gaps) > 1 and bool(np.ptp(gaps) > 0.25 * self.frame_interval_s)


def read_packets(path: Path) -> PacketTable:
    """The packet table of the file at `path`; `UnreadableError` if it holds no picture."""
    with opened(path) as container:
        stream = video_stream(container)
        stamps: list[int | None] = []
        sizes: list[int] = []
        keys: list[bool] = []
        errors = 0
        packets = container.demux(stream)
        while errors < MAX_ERRORS:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except BAD_FILE as error:
                errors += 1
                if not sizes and errors == MAX_ERRORS:
                    raise UnreadableError(f"cannot be demuxed: {reason(error)}") from None
                continue
            if packet.size and not packet.is_discard:
                stamps.append(packet.pts)
                sizes.append(packet.size)
                keys.append(packet.is_keyframe)
        if not sizes:
            raise UnreadableError("no picture in the video stream")
        rate = stream.average_rate or stream.guessed_rate or 25
        return _in_display_order(stamps, sizes, keys, errors, float(stream.time_base or 1 / 90000), float(rate))


def _in_display_order(
    stamps: list[int | None], sizes: list[int], keys: list[bool], errors: int, time_base: float, rate: float
) -> PacketTable:
    known = [stamp for stamp in stamps if stamp is not None]
    stamped = len(known) == len(stamps) and len(set(known)) == len(known)
    pts = np.array(known if stamped else [], np.int64)
    by_display = np.argsort(pts, kind="stable") if stamped else np.arange(len(sizes))
    order = np.empty(len(sizes), np.int64)
    order[by_display] = np.arange(len(sizes))
    time_s = (pts[by_display] - pts.min()) * time_base if stamped else np.arange(len(sizes)) / rate
    return PacketTable(
        pts=pts[by_display] if stamped else pts,
        time_s=np.asarray(time_s, np.float64),
        sizes=np.array(sizes, np.int64)[by_display],
        keys=np.array(keys, bool)[by_display],
        order=order,
        errors=errors,
    )
