"""Pictures of what the model is given: anchors, and between them motion on a colour wheel and the residual.

Direction is hue and speed is depth of colour, on white, so that stillness is blank; `key` is the wheel. Of each
interval a few maps are shown, evenly spread, because a mean over there-and-back would be nothing.
"""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from jaxtyping import Float, Float16, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure

from codecsense.report.figures import RULE, STYLE
from codecsense.report.page import Picture, png
from codecsense.streams.store import StreamStore

SHOWN = ("anchors", "mv", "residual", "map_mask")
MAPS_SHOWN = 4
FULL_SPEED_PX = 6.0  # pixels per frame that take the deepest colour
FULL_RESIDUAL = 32.0


def of_clip(store: StreamStore, clip: str) -> Picture:
    """One clip on one strip: an anchor, the maps that follow it, the next anchor, and so on."""
    data = {name: store.get(name, clip) for name in SHOWN}
    source = store.index.row(by_predicate=pl.col("video_id") == clip, named=True)
    caption = (
        f"`{clip}`, {source['codec']}, motion {source['motion_source']}: {len(data['anchors'])} anchors; after each, "
        f"{MAPS_SHOWN} of its maps (motion above, residual below)."
    )
    return png("", strip(data), caption)


def key() -> Picture:
    """The colour wheel: what colour a direction has, and how deep it is at which speed."""
    side = np.linspace(-1, 1, 97)
    x, y = np.meshgrid(side, side)
    inside = np.hypot(x, y) <= 1
    velocity = (np.stack([x, y]) * inside * FULL_SPEED_PX).astype(np.float16)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(0.6, 0.6), dpi=160)
        _show(figure.add_axes((0, 0, 1, 1)), wheel(velocity))
        caption = f"Direction of motion; at the rim {FULL_SPEED_PX:g} pixels per frame or more."
        return png("", _png(figure), caption)


def strip(data: dict[str, np.ndarray]) -> bytes:
    """The picture of one video's arrays (see `codecsense.streams`) as PNG."""
    intervals = len(data["mv"])
    widths = [2.06, *[1.0] * MAPS_SHOWN] * intervals + [2.06]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(0.52 * sum(widths), 1.12), dpi=160)
        grid = figure.add_gridspec(2, len(widths), width_ratios=widths, wspace=0.06, hspace=0.06, **MARGINS)
        for number in range(intervals + 1):
            at = number * (1 + MAPS_SHOWN)
            _show(figure.add_subplot(grid[:, at]), data["anchors"][number])
            if number < intervals:
                valid = np.flatnonzero(data["map_mask"][number])
                some = valid[np.linspace(0, len(valid) - 1, min(MAPS_SHOWN, len(valid))).round().astype(int)]
                for column, shown in enumerate(some):
                    _show(figure.add_subplot(grid[0, at + 1 + column]), wheel(data["mv"][number, shown]), framed=True)
                    _show(
                        figure.add_subplot(grid[1, at + 1 + column]),
                        grey(data["residual"][number, shown, 0]),
                        framed=True,
                    )
        return _png(figure)


MARGINS: Any = {"left": 0.002, "right": 0.998, "top": 0.99, "bottom": 0.01}


def wheel(velocity: Float16[np.ndarray, "2 rows columns"]) -> Float[np.ndarray, "rows columns 3"]:
    """Colours of a motion map in pixels per frame: hue by direction (right is red), depth by speed."""
    x, y = velocity.astype(np.float64)
    hue = np.arctan2(y, x) / (2 * np.pi) % 1
    depth = np.clip(np.hypot(x, y) / FULL_SPEED_PX, 0, 1)
    colours: Float[np.ndarray, "rows columns 3"] = hsv_to_rgb(np.stack([hue, depth, 1 - 0.15 * depth], axis=-1))
    return colours


def grey(residual: Float16[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """A residual map as grey levels, dark where there is much of it."""
    level = 255 * (1 - np.clip(residual.astype(np.float64) / FULL_RESIDUAL, 0, 1))
    return np.repeat(level.astype(np.uint8)[..., None], 3, axis=-1)


def _show(axes: Axes, picture: np.ndarray, *, framed: bool = False) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=framed, color=RULE, linewidth=0.5)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
