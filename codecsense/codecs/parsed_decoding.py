"""Pictures of an H.264 file that nobody predicted: motion and residual from the bitstream, samples only when asked for.

A picture whose samples are wanted after all (an anchor, a frame) is decoded then, from its key frame on; the decoder
goes on from where it was if the next one that is wanted comes later.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from codecsense.codecs import Decoded, Span
from codecsense.codecs.container import BAD_FILE, UnreadableError, opened, video_stream
from codecsense.codecs.decoding import Video
from codecsense.codecs.h264 import DamagedError, UnsupportedError
from codecsense.codecs.h264.headers import left_out
from codecsense.codecs.h264.stream import Picture, Stream
from codecsense.codecs.packets import MAX_ERRORS

MOST_REORDERED = 17
PROBED_PACKETS = 8


class Coded(NamedTuple):
    """A packet of the file, with its stamp."""

    pts: int
    packet: Any


class Samples:
    """Decodes the few pictures whose samples are wanted."""

    def __init__(self, video: Video) -> None:
        self.context = video.stream.codec_context
        self.context.thread_type, self.context.thread_count = "SLICE", 1
        self.group: list[Coded] = []
        self.place = 0
        self.frames: dict[int, VideoFrame] = {}

    def frame(self, group: list[Coded], pts: int) -> VideoFrame:
        """The picture of this stamp among the packets of `group`; `UnreadableError` if it cannot be had."""
        if group is not self.group or (pts not in self.frames and self._is_past(pts)):
            self.context.flush_buffers()
            self.group, self.place, self.frames = group, 0, {}
        while pts not in self.frames and self.place < len(group):
            self._take(group[self.place].packet)
            self.place += 1
        if pts not in self.frames:
            self._take(None)
            self.place = len(group) + 1
        if pts not in self.frames:
            raise UnreadableError("a picture that is wanted cannot be decoded")
        self.frames = {stamp: frame for stamp, frame in self.frames.items() if stamp >= pts}
        return self.frames[pts]

    def _is_past(self, pts: int) -> bool:
        return self.place > len(self.group) or (bool(self.frames) and pts < min(self.frames))

    def _take(self, packet: Any) -> None:
        try:
            decoded = self.context.decode(packet)
        except BAD_FILE:
            return
        self.frames |= {frame.pts: frame for frame in decoded if frame.pts is not None}


class Parsed:
    """A picture that was read and not decoded."""

    def __init__(self, motion: Picture, samples: Samples, group: list[Coded], pts: int) -> None:
        self.motion, self.samples, self.group, self.pts = motion, samples, group, pts
        self.width, self.height = samples.context.width, samples.context.height

    def decoded(self) -> VideoFrame:
        """Its samples, after all."""
        return self.samples.frame(self.group, self.pts)


def refused(video: Video) -> str:
    """Why this file is not for our reader; empty if it is."""
    if video.stream.codec_context.codec.canonical_name != "h264":
        return "not H.264"
    if not video.packets.ranks:
        return "no usable time stamps"
    before = video.stream.codec_context.extradata
    if left_out(before, []) == "":
        return ""
    with opened(Path(video.container.name)) as container:
        stream = video_stream(container)
        try:
            first = [bytes(packet) for packet in islice(container.demux(stream), PROBED_PACKETS) if packet.size]
        except BAD_FILE:
            return "damaged from the start"
        return left_out(before, first)


class Reading:
    """One pass over a file; `shown_at` grows with every picture, by its identity."""

    def __init__(self, video: Video, *, with_energy: bool) -> None:
        self.video = video
        self.stream = Stream(video.stream.codec_context.extradata, with_energy=with_energy)
        self.samples = Samples(video)
        self.shown_at = np.zeros(len(video.packets) + 1)

    def decode(self, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`, in display order within each."""
        for span in spans:
            if span.start > 0:
                stamp = int(self.video.packets.pts[span.start])
                self.video.container.seek(stamp, stream=self.video.stream, backward=True)
                self.stream.reset()
            yield from self._span(span)

    def _span(self, span: Span) -> Iterator[Decoded]:
        waiting: list[tuple[int, Parsed]] = []
        following = span.start
        for rank, parsed in self._pictures():
            if rank >= span.start:
                heapq.heappush(waiting, (rank, parsed))
            while waiting and (waiting[0][0] <= following or len(waiting) > MOST_REORDERED):
                if waiting[0][0] >= span.stop:
                    return
                following = waiting[0][0] + 1
                yield self._decoded(*heapq.heappop(waiting))
        while waiting and waiting[0][0] < span.stop:
            yield self._decoded(*heapq.heappop(waiting))

    def _pictures(self) -> Iterator[tuple[int, Parsed]]:
        """Rank and picture, in coding order."""
        packets = self.video.packets
        before: list[Coded] = []
        group: list[Coded] = []
        key_pts = 0
        for coded in _packets(self.video):
            rank = packets.ranks.get(coded.pts)
            if coded.packet.is_keyframe:
                before, group, key_pts = group, [], coded.pts
            group.append(coded)
            leads = coded.pts < key_pts  # shown before the key frame that it follows
            if leads:
                before.append(coded)
            if rank is None:
                continue
            try:
                picture = self.stream.read(bytes(coded.packet))
            except (UnsupportedError, DamagedError):
                continue
            if picture is not None:
                self._show(picture.identity, rank)
                yield rank, Parsed(picture, self.samples, before if leads else group, coded.pts)

    def _show(self, identity: int, rank: int) -> None:
        while identity >= len(self.shown_at):
            self.shown_at = np.concatenate([self.shown_at, np.zeros(len(self.shown_at))])
        packets = self.video.packets
        self.shown_at[identity] = packets.distance(0, rank) if rank else 0.0

    def _decoded(self, rank: int, parsed: Parsed) -> Decoded:
        packets = self.video.packets
        usable = not parsed.motion.damage
        return Decoded(rank, float(packets.time_s[rank]), parsed.motion.kind, bool(packets.keys[rank]), usable, parsed)


def _packets(video: Video) -> Iterator[Coded]:
    """Every packet from here to the end; damage in between is stepped over."""
    packets = video.container.demux(video.stream)
    errors = 0
    while errors < MAX_ERRORS:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except BAD_FILE:
            errors += 1
            continue
        if packet.size and not packet.is_discard and packet.pts is not None:
            yield Coded(packet.pts, packet)
