"""Upright pictures and maps of videos whose camera was held sideways.

Rotation is metadata: pictures and vectors come out of the decoder as they were coded. A model should see what a
person sees, so both are turned together, and a vector turns with the picture it lies in. Speeds stay in pixels
of the coded picture.
"""

import numpy as np

from codecsense.streams import VideoStreams

GRIDS = ("mv", "cover", "residual", "qp")


def upright(streams: VideoStreams, rotation_deg: int) -> VideoStreams:
    """`streams` turned counter-clockwise by `rotation_deg`, as FFmpeg reports it: 0, 90, 180 or 270."""
    turns = rotation_deg // 90
    if turns == 0:
        return streams
    changed = {name: np.rot90(getattr(streams, name), turns, axes=(-3, -2)) for name in ("anchors", "frames")}
    changed |= {name: np.rot90(getattr(streams, name), turns, axes=(-2, -1)) for name in GRIDS}
    x, y = changed["mv"][:, :, 0], changed["mv"][:, :, 1]
    for _ in range(turns):
        x, y = y, -x
    changed["mv"] = np.stack([x, y], axis=2)
    return streams._replace(**{name: np.ascontiguousarray(array) for name, array in changed.items()})
