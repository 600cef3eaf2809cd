"""What the codec says of one video, drawn for a person: a sheet of all intervals, and a clip that plays its maps.

Direction is hue and speed is depth of colour, on white; arrows say the same again for those who do not see hues.
The scale is the video's own (its 99th percentile), printed in the legend, since clips differ by a factor of ten.
"""

from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from jaxtyping import Float, UInt8

from codecsense.codecs import Source
from codecsense.streams import VideoStreams

PANEL_HEIGHT = 216
HEADER, GAP, MARGIN = 34, 8, 12
INK, PAPER, FAINT = (40, 40, 40), (255, 255, 255), (170, 170, 170)
MAX_WIDTH = 384
FONT = cv2.FONT_HERSHEY_SIMPLEX
LEAST_SPEED_PX = 0.5
LEAST_RESIDUAL = 4.0
CLIP_FPS = 12

Image = UInt8[np.ndarray, "_ _ 3"]


class Scale(NamedTuple):
    """Which speed (pixels per frame) and which residual (grey levels) take the deepest colour."""

    speed_px: float
    residual: float


def scale_of(streams: VideoStreams) -> Scale:
    """The scale on which this video's maps are drawn."""
    known = streams.map_mask
    speed = np.linalg.norm(streams.mv[known].astype(np.float32), axis=1)
    residual = streams.residual[known].astype(np.float32)
    return Scale(
        max(LEAST_SPEED_PX, float(np.percentile(speed, 99)) if speed.size else 0.0),
        max(LEAST_RESIDUAL, float(np.percentile(residual, 99)) if residual.size else 0.0),
    )


def sheet(streams: VideoStreams, *, title: str) -> Image:
    """One row per interval: opening anchor, mean motion, peak motion, mean residual, closing anchor."""
    scale = scale_of(streams)
    width = _panel_width(streams)
    rows = [_row(streams, number, scale, width) for number in range(len(streams.mv))]
    body = np.concatenate(rows, axis=0)
    page = np.full((body.shape[0] + HEADER + 2 * MARGIN, body.shape[1] + 2 * MARGIN, 3), 255, np.uint8)
    page[HEADER + MARGIN : HEADER + MARGIN + body.shape[0], MARGIN : MARGIN + body.shape[1]] = body
    _write(page, title, MARGIN, HEADER - 8, 0.55)
    return np.concatenate([page, _legend(page.shape[1], scale)], axis=0)


def film(streams: VideoStreams, path: Path, *, title: str) -> int:
    """Write an MP4 that plays the maps one after another beside their opening anchor; the number of pictures."""
    scale, width = scale_of(streams), _panel_width(streams)
    pictures = [_moment(streams, number, slot, scale, width) for number, slot in np.argwhere(streams.map_mask).tolist()]
    if not pictures:
        pictures = [_labelled(_fit(anchor, width), f"{title}: no motion") for anchor in streams.anchors]
    height, wide = (side // 2 * 2 for side in pictures[0].shape[:2])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=CLIP_FPS, options={"crf": "20"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = height, wide, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :wide]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return len(pictures)


def wheel(velocity: Float[np.ndarray, "2 rows columns"], speed_px: float) -> UInt8[np.ndarray, "rows columns 3"]:
    """Hue for direction (right is red), depth for speed; white is still."""
    velocity = velocity.astype(np.float32)
    depth = np.clip(np.linalg.norm(velocity, axis=0) / speed_px, 0, 1)
    hue = np.rad2deg(np.arctan2(velocity[1], velocity[0])) % 360
    colours = np.stack([hue.astype(np.float32), depth, np.ones_like(depth)], axis=-1)
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_HSV2RGB) * 255, np.uint8)


def _row(streams: VideoStreams, number: int, scale: Scale, width: int) -> Image:
    known = streams.map_mask[number]
    opening, closing = streams.anchors[number], streams.anchors[number + 1]
    start_s, end_s = streams.anchor_time_s[number], streams.anchor_time_s[number + 1]
    if known.any():
        velocity = streams.mv[number][known].astype(np.float32)
        fastest = int(np.linalg.norm(velocity, axis=1).mean(axis=(1, 2)).argmax())
        residual = streams.residual[number][known].astype(np.float32).mean(axis=0)[0]
        source = Source(int(streams.map_source[number][known].max())).name
        panels = [
            (_field(opening, velocity.mean(axis=0), scale, width), f"mean of {known.sum()} maps, {source}"),
            (_field(opening, velocity[fastest], scale, width), "the map with most motion"),
            (_heat(residual, scale, _fit(opening, width).shape), "residual"),
        ]
    else:
        blank = np.full_like(_fit(opening, width), 235)
        panels = [(blank, "no motion can be had"), (blank, ""), (blank, "")]
    panels = [(_fit(opening, width), f"anchor, {start_s:.2f} s"), *panels, (_fit(closing, width), f"{end_s:.2f} s")]
    return np.concatenate([_labelled(*panel) for panel in panels], axis=1)


def _moment(streams: VideoStreams, number: int, slot: int, scale: Scale, width: int) -> Image:
    anchor = streams.anchors[number]
    velocity = streams.mv[number, slot].astype(np.float32)
    residual = streams.residual[number, slot, 0].astype(np.float32)
    source = Source(int(streams.map_source[number, slot])).name
    panels = [
        (_arrows(_fit(anchor, width), velocity, scale), f"anchor {number + 1}, {streams.anchor_time_s[number]:.2f} s"),
        (_field(anchor, velocity, scale, width), f"motion at {streams.map_time_s[number, slot]:.2f} s, {source}"),
        (_heat(residual, scale, _fit(anchor, width).shape), "residual"),
    ]
    return np.concatenate([_labelled(*panel) for panel in panels], axis=1)


def _field(anchor: Image, velocity: np.ndarray, scale: Scale, width: int) -> Image:
    """The colour wheel's field at the size of the anchor's panel, arrows on top."""
    panel = _fit(anchor, width)
    size = (panel.shape[1], panel.shape[0])
    coloured = cv2.resize(wheel(velocity, scale.speed_px), size, interpolation=cv2.INTER_NEAREST)
    return _arrows(np.asarray(coloured, np.uint8), velocity, scale)


def _arrows(panel: Image, velocity: np.ndarray, scale: Scale) -> Image:
    """An arrow per cell that moves; the fastest is as long as a cell."""
    drawn = panel.copy()
    rows, columns = velocity.shape[1:]
    cell = min(panel.shape[0] / rows, panel.shape[1] / columns)
    for row in range(rows):
        for column in range(columns):
            shift = velocity[:, row, column] / scale.speed_px
            if np.hypot(*shift) < 0.08:
                continue
            shift = shift / max(1.0, float(np.hypot(*shift))) * cell
            centre = np.array([(column + 0.5) * panel.shape[1] / columns, (row + 0.5) * panel.shape[0] / rows])
            start, end = ((int(x), int(y)) for x, y in (centre - shift / 2, centre + shift / 2))
            cv2.arrowedLine(drawn, start, end, INK, 1, cv2.LINE_AA, tipLength=0.35)
    return drawn


def _heat(residual: np.ndarray, scale: Scale, shape: tuple[int, ...]) -> Image:
    """Residual as darkness on white."""
    dark = 255 - np.clip(residual / scale.residual, 0, 1) * 255
    plane = cv2.resize(dark.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.repeat(np.asarray(plane, np.uint8)[..., None], 3, axis=2)


def _panel_width(streams: VideoStreams) -> int:
    height, width = streams.anchors.shape[1:3]
    return int(min(MAX_WIDTH, max(48, round(PANEL_HEIGHT * width / height))))


def _fit(picture: Image, width: int) -> Image:
    height = max(24, round(width * picture.shape[0] / picture.shape[1]))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _labelled(panel: Image, label: str) -> Image:
    framed = np.full((panel.shape[0] + 22 + GAP, panel.shape[1] + GAP, 3), 255, np.uint8)
    framed[22 : 22 + panel.shape[0], : panel.shape[1]] = panel
    cv2.rectangle(framed, (0, 22), (panel.shape[1] - 1, 21 + panel.shape[0]), FAINT, 1)
    _write(framed, label, 0, 15, 0.42)
    return framed


def _legend(width: int, scale: Scale) -> Image:
    """The wheel itself, and what its rim means."""
    strip = np.full((96, width, 3), 255, np.uint8)
    ys, xs = np.mgrid[-1:1:72j, -1:1:72j]
    disc = wheel(np.stack([xs, ys]) * scale.speed_px, scale.speed_px)
    inside = np.hypot(xs, ys) <= 1
    strip[12:84, MARGIN : MARGIN + 72][inside] = disc[inside]
    _write(
        strip, f"rim of the wheel: {scale.speed_px:.1f} pixels per frame, in the direction of the rim", 100, 40, 0.45
    )
    _write(strip, f"black: a residual of {scale.residual:.0f} of 255 grey levels", 100, 62, 0.45)
    return strip


def _write(image: Image, text: str, x: int, y: int, size: float) -> None:
    cv2.putText(image, text, (x, y), FONT, size, INK, 1, cv2.LINE_AA)
