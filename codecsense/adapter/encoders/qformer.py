"""Q-former: K learned queries read a stream's places over time, layer by layer, as in Video-LLaMA [1].

Places are cells of a map, or patches of a picture, with a position in space and one in time. The layers are
`transformers`' Q-former of BLIP-2, with cross-attention in each; one more place that is always there says that
nothing else is.

References:
    [1] Zhang et al., Video-LLaMA, arXiv 2306.02858, section 2.1.
    [2] Li et al., BLIP-2, arXiv 2301.12597.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream, TriStream
from codecsense.adapter.steps import CHANNELS, AsTheyAre, Scaled
from codecsense.qformer import qformer


class Settings(EncoderConfig):
    """Sizes of the layers, and how maps are cut into places."""

    name: Literal["qformer"]
    layers: int
    heads: int
    cell: int  # rows and columns of a map that make one place
    mv_unit_px: float
    residual_unit: float

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        if shapes.rows % self.cell:
            raise ValueError(f"a map of {shapes.rows} rows does not divide into cells of {self.cell}")
        places: nn.Module
        if stream in CHANNELS:
            places = MapPlaces(stream=stream, settings=self, shapes=shapes, width=width)
        else:
            places = PatchPlaces(stream=stream, shapes=shapes, width=width)
        return QFormer(places, width=width, tokens=tokens, settings=self)

    def trunk(self, *, width: int, tokens: int) -> AsTheyAre:
        return AsTheyAre()


class MapPlaces(nn.Module):
    """Cells of the maps of a codec stream, and which of them are there."""

    def __init__(self, *, stream: Stream, settings: Settings, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.scaled = Scaled(stream=stream, mv_unit_px=settings.mv_unit_px, residual_unit=settings.residual_unit)
        self.cells = nn.Conv2d(CHANNELS[stream], width, settings.cell, settings.cell)
        self.space = nn.Parameter(torch.randn((shapes.rows // settings.cell) ** 2, width) * 0.02)
        self.time = nn.Parameter(torch.randn(shapes.maps, 1, width) * 0.02)

    def forward(self, clips: TriStream) -> tuple[Float[Tensor, "sets places width"], Bool[Tensor, "sets places"]]:
        maps = self.scaled(clips)
        cells = self.cells(maps.flatten(0, 2)).flatten(2).transpose(1, 2) + self.space
        timed = cells.unflatten(0, (-1, maps.shape[2])) + self.time
        there = clips.mask.flatten(0, 1)[:, :, None].expand(-1, -1, timed.shape[2])
        return timed.flatten(1, 2), there.flatten(1, 2)


class PatchPlaces(nn.Module):
    """The frozen tower's patches of the opening anchor, or of the frames inside; all are there."""

    def __init__(self, *, stream: Stream, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.stream = stream
        self.project = nn.Linear(shapes.host_width, width)
        self.space = nn.Parameter(torch.randn(shapes.patches, width) * 0.02)
        self.time = nn.Parameter(torch.randn(1 if stream == "context" else shapes.inner, 1, width) * 0.02)

    def forward(self, clips: TriStream) -> tuple[Float[Tensor, "sets places width"], Bool[Tensor, "sets places"]]:
        seen = clips.context[:, :, None] if self.stream == "context" else clips.frames
        places = (self.project(seen) + self.space + self.time).flatten(0, 1).flatten(1, 2)
        return places, torch.ones(places.shape[:2], dtype=torch.bool, device=places.device)


class QFormer(nn.Module):
    """Queries over places."""

    def __init__(self, places: nn.Module, *, width: int, tokens: int, settings: Settings) -> None:
        super().__init__()
        self.places = places
        self.first = nn.Parameter(torch.randn(width))
        self.queries = nn.Parameter(torch.randn(1, tokens, width))
        self.layers = qformer(width=width, layers=settings.layers, heads=settings.heads)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals tokens width"]:
        places, there = self.places(clips)
        places = torch.cat([self.first.expand(len(places), 1, -1), places], 1)
        there = torch.cat([there.new_ones(len(there), 1), there], 1)
        said: Tensor = self.layers(
            query_embeds=self.queries.expand(len(places), -1, -1),
            encoder_hidden_states=places,
            encoder_attention_mask=there,
        ).last_hidden_state
        return said.unflatten(0, clips.mask.shape[:2])
