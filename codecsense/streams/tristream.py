"""One video in, its streams out: one pass of decoding feeds anchors, frames, vectors and residuals alike."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from codecsense.codecs import Backend, Grid, Source
from codecsense.codecs.container import BAD_FILE, UnreadableError, opened, reason, video_stream
from codecsense.codecs.decoding import Video
from codecsense.codecs.packets import read_packets
from codecsense.streams import VideoStreams
from codecsense.streams.layout import Layout, lay_out
from codecsense.streams.maps import MapSums
from codecsense.streams.pictures import Pictures
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.sound import hear, silence
from codecsense.streams.turning import upright


class Extracted(NamedTuple):
    """The arrays of one video and what the index says of it."""

    streams: VideoStreams
    codec: str
    duration_s: float
    num_frames: int
    num_decoded: int
    width: int
    height: int
    has_audio: bool
    motion_source: str


def extract_video(path: Path, settings: ExtractConfig, backend: Backend, rotation_deg: int) -> Extracted:
    """Everything a model may want of one file, upright; `UnreadableError` with the reason where there is too little.

    The maps are of the coded picture until the end, so `backend` is built for a grid on its side where
    `rotation_deg` is 90 or 270 (`grid_of`).
    """
    packets = read_packets(path)
    layout = lay_out(packets, settings, with_keys=backend.reads_keys)
    grid = grid_of(settings, rotation_deg)
    maps = MapSums(layout, maps_per_interval=settings.maps_per_interval, grid=grid, sizes=packets.sizes)
    wanted = np.concatenate([layout.anchors, layout.frames.ravel()])
    pictures = Pictures(wanted, max_pixels=settings.max_picture_pixels)
    with opened(path) as container:
        stream = video_stream(container)
        video = Video(container, stream, packets)
        try:
            _read(video, backend, layout, maps, pictures)
        except BAD_FILE as error:
            raise UnreadableError(f"cannot be decoded: {reason(error)}") from None
        mel = hear(path, settings.sound) if container.streams.audio else None
        return Extracted(
            streams=upright(
                _streams(layout, maps, pictures, silence(settings.sound) if mel is None else mel), rotation_deg
            ),
            codec=stream.codec_context.codec.canonical_name,
            duration_s=packets.duration_s,
            num_frames=len(packets),
            num_decoded=pictures.delivered,
            width=stream.width,
            height=stream.height,
            has_audio=mel is not None,
            motion_source=_main_source(maps),
        )


def grid_of(settings: ExtractConfig, rotation_deg: int) -> Grid:
    """The grid over the coded picture that becomes the configured one when the picture is turned upright."""
    rows, columns = settings.grid.rows, settings.grid.columns
    return Grid(columns, rows) if rotation_deg in (90, 270) else Grid(rows, columns)


def _read(video: Video, backend: Backend, layout: Layout, maps: MapSums, pictures: Pictures) -> None:
    reader = backend.reader(video)
    for span in layout.spans:
        for decoded in backend.decode(video, [span]):
            pictures.offer(decoded)
            for field in reader.feed(decoded):
                maps.add(field)
            del decoded
        for field in reader.finish():
            maps.add(field)
    pictures.finish(layout.spans)


def _streams(layout: Layout, maps: MapSums, pictures: Pictures, mel: np.ndarray) -> VideoStreams:
    return VideoStreams(
        anchors=pictures.stack(layout.anchors),
        anchor_time_s=pictures.times(layout.anchors),
        frames=pictures.stack(layout.frames),
        mel=mel,
        **maps.arrays(),
    )


def _main_source(maps: MapSums) -> str:
    """The source of most maps; `none` where no map has one."""
    known = maps.source[maps.source != Source.none]
    return Source(Counter(known.tolist()).most_common(1)[0][0]).name if known.size else Source.none.name
