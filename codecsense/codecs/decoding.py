"""Decoding stretches of a file with FFmpeg, one thread, in display order.

One thread because frame threads corrupt H.264 vectors (1-7 % of frames, different every run) while pixels stay
right; work is spread over videos instead. Damage is stepped over packet by packet: a damaged packet costs
its picture, not the rest of the file.
"""

from collections.abc import Iterator
from typing import NamedTuple

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from codecsense.codecs import Decoded, Span
from codecsense.codecs.container import BAD_FILE, MAX_PIXELS
from codecsense.codecs.packets import MAX_ERRORS, PacketTable
from codecsense.codecs.settings import DecodingConfig

KINDS = {1: "I", 2: "P", 3: "B", 4: "S", 5: "i", 6: "p", 7: "b"}
UNSTAMPED = -1


class Video(NamedTuple):
    """An open file together with its packet table."""

    container: InputContainer
    stream: VideoStream
    packets: PacketTable


def decode(video: Video, spans: list[Span], settings: DecodingConfig, *, side_data: str = "") -> Iterator[Decoded]:
    """The pictures of `spans`, in display order within each. `side_data` is FFmpeg's name of what to export."""
    counted = not video.packets.ranks
    if not video.stream.codec_context.is_open:
        _open(video.stream, settings, side_data, skip=settings.pictures == "references" and not counted)
    for span in spans:
        if span.start > 0 and not counted:
            video.container.seek(int(video.packets.pts[span.start]), stream=video.stream, backward=True)
            video.stream.codec_context.flush_buffers()
        yield from _span(video, span, counted=counted)


def _open(stream: VideoStream, settings: DecodingConfig, side_data: str, *, skip: bool) -> None:
    """Tell the decoder what it can be told only before its first picture."""
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = 1
    stream.codec_context.options = _options(settings, side_data)
    if skip:
        stream.codec_context.skip_frame = "NONREF"


def _options(settings: DecodingConfig, side_data: str) -> dict[str, str]:
    options = {"max_pixels": str(MAX_PIXELS)}
    if side_data == "motion":
        options["flags2"] = "+export_mvs"
    elif side_data == "motion+qp":
        options |= {"flags2": "+export_mvs", "export_side_data": "+venc_params"}
    return options if settings.loop_filter else options | {"skip_loop_filter": "all"}


def _span(video: Video, span: Span, *, counted: bool) -> Iterator[Decoded]:
    ranks, times, keys = video.packets.ranks, video.packets.time_s, video.packets.keys
    rank = UNSTAMPED
    for number, frame in enumerate(pictures(video.container, video.stream)):
        place = number if counted else ranks.get(frame.pts if frame.pts is not None else UNSTAMPED, rank + 1)
        if place >= span.stop or place >= len(times):
            return
        if place > rank and place >= span.start:
            rank = place
            kind = KINDS.get(int(frame.pict_type), "?")
            usable = not frame.is_corrupt
            yield Decoded(rank, float(times[rank]), kind, bool(keys[rank]), usable, frame)
        del frame  # before the next one is decoded, so that the decoder has its memory back


def pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every picture that can be had from here to the end, whatever is damaged in between."""
    packets = container.demux(stream)
    errors = 0
    while errors < MAX_ERRORS:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            return
        except BAD_FILE:
            errors += 1
            continue
        frames.reverse()
        while frames:
            yield frames.pop()
