"""No encoder: the numbers of an interval, laid side by side in the order of time, cut into K pieces and projected.

The lower end of the report's ablation ("no encoder, concat only"). One matrix per stream is all that is learned before
the fusion; which maps are missing is told beside the numbers.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section I.4.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream, TriStream
from codecsense.adapter.steps import CHANNELS, AsTheyAre, Scaled


class Settings(EncoderConfig):
    """The units that numbers are divided by."""

    name: Literal["none"]
    mv_unit_px: float
    residual_unit: float

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        if stream in CHANNELS:
            return MapPieces(stream=stream, settings=self, shapes=shapes, width=width, tokens=tokens)
        return PatchPieces(stream=stream, shapes=shapes, width=width, tokens=tokens)

    def trunk(self, *, width: int, tokens: int) -> AsTheyAre:
        return AsTheyAre()


class MapPieces(nn.Module):
    """The numbers of a codec stream."""

    def __init__(self, *, stream: Stream, settings: Settings, shapes: Shapes, width: int, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.scaled = Scaled(stream=stream, mv_unit_px=settings.mv_unit_px, residual_unit=settings.residual_unit)
        numbers = shapes.maps * CHANNELS[stream] * shapes.rows**2
        self.project = nn.Linear(-(-numbers // tokens) + shapes.maps, width)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals tokens width"]:
        cut = pieces(self.scaled(clips).flatten(2), self.tokens)
        there = clips.mask[:, :, None].expand(-1, -1, self.tokens, -1).to(cut)
        described: Tensor = self.project(torch.cat([cut, there], -1))
        return described


class PatchPieces(nn.Module):
    """The frozen tower's numbers of the opening anchor, or of the frames inside."""

    def __init__(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int) -> None:
        super().__init__()
        self.stream, self.tokens = stream, tokens
        numbers = shapes.patches * shapes.host_width * (1 if stream == "context" else shapes.inner)
        self.project = nn.Linear(-(-numbers // tokens), width)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals tokens width"]:
        numbers = clips.context if self.stream == "context" else clips.frames
        described: Tensor = self.project(pieces(numbers.flatten(2), self.tokens))
        return described


def pieces(
    numbers: Float[Tensor, "batch intervals numbers"], count: int
) -> Float[Tensor, "batch intervals count size"]:
    """`count` equal pieces, the last one filled up with zeros."""
    size = -(-numbers.shape[-1] // count)
    return functional.pad(numbers, (0, size * count - numbers.shape[-1])).unflatten(-1, (count, size))
