"""What the families that describe steps have in common: maps as numbers, streams that are not codec maps, trunks.

A step is a codec map. What is not a codec map is laid under the maps: the opening anchor under all of them, a frame
under those nearest to it in time.

Shapes:
    as in `codecsense.adapter`
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from codecsense.adapter import Shapes, Stream, TriStream

CHANNELS: dict[Stream, int] = {"mv": 2, "residual": 1}


class AsTheyAre(nn.Module):
    """The trunk of a family whose steps are the K tokens already."""

    def forward(
        self, steps: Float[Tensor, "batch intervals tokens width"], there: Bool[Tensor, "batch intervals maps"]
    ) -> Float[Tensor, "batch intervals tokens width"]:
        return steps


class Scaled(nn.Module):
    """The maps of one codec stream, divided by the unit in which they are usually measured; missing maps are zero."""

    def __init__(self, *, stream: Stream, mv_unit_px: float, residual_unit: float) -> None:
        super().__init__()
        self.stream = stream
        self.unit = mv_unit_px if stream == "mv" else residual_unit

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals maps channels rows columns"]:
        maps = clips.mv if self.stream == "mv" else clips.residual
        there = clips.mask[..., None, None, None]
        return torch.where(there, maps / self.unit, 0.0)


class AttentionPool(nn.Module):
    """One learned query looks at a set."""

    def __init__(self, *, width: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, width))
        self.look = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, things: Float[Tensor, "sets things width"]) -> Float[Tensor, "sets width"]:
        said, _ = self.look(self.query.expand(len(things), -1, -1), things, things, need_weights=False)
        return said[:, 0]


class TowerSteps(nn.Module):
    """What the frozen tower says of the opening anchor or of the frames inside, pooled, one step per map."""

    def __init__(self, *, stream: Stream, shapes: Shapes, width: int, heads: int) -> None:
        super().__init__()
        self.stream, self.maps = stream, shapes.maps
        self.project = nn.Linear(shapes.host_width, width)
        self.pool = AttentionPool(width=width, heads=heads)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals maps width"]:
        seen = clips.context[:, :, None] if self.stream == "context" else clips.frames
        pooled = self.pool(self.project(seen).flatten(0, 2)).unflatten(0, seen.shape[:3])
        return laid_under(pooled, self.maps)


def laid_under(moments: Float[Tensor, "batch intervals inner width"], maps: int) -> Tensor:
    """Moments at equal distances, repeated so that each map has the one nearest to it in time."""
    inner = moments.shape[2]
    place = (torch.arange(maps, device=moments.device) + 0.5) / maps * (inner + 1)
    nearest = place.round().long().clamp(1, inner) - 1
    return moments[:, :, nearest]


def pictures_of(clips: TriStream) -> Float[Tensor, "pictures 3 height wide"]:
    """The opening anchors of all intervals, between -1 and 1."""
    if clips.pictures is None:
        raise ValueError("this encoder looks at the opening anchors themselves, and these clips come without pictures")
    return clips.pictures.flatten(0, 1).permute(0, 3, 1, 2).to(clips.mv.dtype) / 127.5 - 1
