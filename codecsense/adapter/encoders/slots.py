"""Slots: one token per cell of the picture, from the maps around that cell over the whole interval.

The micro world's encoder: every map is read through overlapping windows, one per cell, and a perceptron sees the
sequence of a cell's windows. Bound to a place by construction, so that a small host can bind a motion to a thing.

Shapes:
    side  cells per side, sqrt(K)    seen  numbers that describe one window of one map
"""

from math import isqrt
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream, TriStream
from codecsense.adapter.steps import CHANNELS, AsTheyAre


class Settings(EncoderConfig):
    """How wide a window is seen, and how large the numbers of a map usually are."""

    name: Literal["slots"]
    seen: int  # numbers kept of one window of one map
    mv_unit_px: float  # vectors are divided by this
    residual_unit: float  # residuals (grey levels) are divided by this

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        side = isqrt(tokens)
        if side * side != tokens:
            raise ValueError(f"slots need a square number of motion tokens, not {tokens}")
        if stream in CHANNELS:
            return MapSlots(stream=stream, settings=self, shapes=shapes, width=width, side=side)
        if shapes.patches != tokens:
            raise ValueError(
                f"slots need as many motion tokens as patches of an anchor: {tokens} against {shapes.patches}"
            )
        return PatchSlots(stream=stream, shapes=shapes, width=width)

    def trunk(self, *, width: int, tokens: int) -> AsTheyAre:
        return AsTheyAre()


class MapSlots(nn.Module):
    """A codec stream, cell by cell."""

    def __init__(self, *, stream: Stream, settings: Settings, shapes: Shapes, width: int, side: int) -> None:
        super().__init__()
        if shapes.rows % side:
            raise ValueError(f"a map of {shapes.rows} rows does not divide into {side} cells")
        stride = shapes.rows // side
        self.stream = stream
        self.unit = settings.mv_unit_px if stream == "mv" else settings.residual_unit
        self.window = nn.Conv2d(CHANNELS[stream], settings.seen, stride + 2, stride, padding=1)
        self.over_time = nn.Sequential(
            nn.GELU(), nn.Linear(shapes.maps * settings.seen, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals tokens width"]:
        maps = (clips.mv if self.stream == "mv" else clips.residual) / self.unit
        maps = maps * clips.mask[..., None, None, None]
        batch, intervals, count = maps.shape[:3]
        windows = self.window(maps.flatten(0, 2)).flatten(2) * clips.mask.flatten()[:, None, None]
        sequence = windows.reshape(batch, intervals, count, -1, windows.shape[-1]).permute(0, 1, 4, 2, 3)
        described: Tensor = self.over_time(sequence.flatten(3))
        return described


class PatchSlots(nn.Module):
    """What the frozen tower says of each cell: of the opening anchor, or of the frames inside the interval."""

    def __init__(self, *, stream: Stream, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.stream = stream
        if stream == "context":
            self.layers: nn.Module = nn.Linear(shapes.host_width, width)
        else:
            frames = shapes.inner * shapes.host_width
            self.layers = nn.Sequential(nn.Linear(frames, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals tokens width"]:
        if self.stream == "context":
            described: Tensor = self.layers(clips.context)
        else:
            described = self.layers(clips.frames.movedim(2, 3).flatten(3))
        return described
