"""The host's own frozen tower looks at maps drawn as pictures: no visual backbone is added.

Of the opening anchor and of the frames it has already spoken; only pooling and projection are learned.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section I.4.
"""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream, TriStream
from codecsense.adapter.pictures import rendered
from codecsense.adapter.resampler import Resampler
from codecsense.adapter.steps import CHANNELS, AttentionPool, Scaled, TowerSteps


class Settings(EncoderConfig):
    """How large maps are drawn, and in which units."""

    gathers: ClassVar[bool] = True
    name: Literal["shared_vit"]
    side_px: int  # a multiple of what becomes one token of the host
    heads: int  # of every attention behind the tower
    mv_unit_px: float
    residual_unit: float

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        if stream not in CHANNELS:
            return TowerSteps(stream=stream, shapes=shapes, width=width, heads=self.heads)
        if eye is None:
            raise ValueError("encoder `shared_vit` looks through the host's tower, and was built without a host")
        return SharedSteps(stream=stream, settings=self, shapes=shapes, width=width, eye=eye)

    def trunk(self, *, width: int, tokens: int) -> Resampler:
        return Resampler(width=width, tokens=tokens, heads=self.heads, blocks=[])


class SharedSteps(nn.Module):
    """A codec stream, map by map. The tower is borrowed: it is no part of this module and gets no gradient."""

    def __init__(self, *, stream: Stream, settings: Settings, shapes: Shapes, width: int, eye: Eye) -> None:
        super().__init__()
        self.side, self.eye = settings.side_px, eye
        self.scaled = Scaled(stream=stream, mv_unit_px=settings.mv_unit_px, residual_unit=settings.residual_unit)
        self.project = nn.Linear(shapes.host_width, width)
        self.pool = AttentionPool(width=width, heads=settings.heads)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals maps width"]:
        maps = self.scaled(clips)
        with torch.no_grad():
            pictures = (rendered(maps.flatten(0, 2), side_px=self.side) * 255).round().byte()
            seen = self.eye(pictures.permute(0, 2, 3, 1)).to(maps.dtype)
        pooled: Tensor = self.pool(self.project(seen)).unflatten(0, maps.shape[:3])
        return pooled
