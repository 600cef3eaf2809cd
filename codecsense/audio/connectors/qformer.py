"""Video-LLaMA's connector: learned queries read an interval's states, each with its place in time [1].

The layers are `transformers`' Q-former of BLIP-2, with cross-attention in each, as in the motion encoder of this name;
a linear layer leads into the host's space. Unlike with `mlp`, there may be more or fewer tokens than states.

References:
    [1] Zhang et al., Video-LLaMA, arXiv 2306.02858, section 2.1: audio Q-former.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.audio.branch import ConnectorConfig
from codecsense.qformer import qformer


class Settings(ConnectorConfig):
    """Sizes of the layers; they are as wide as the encoder's states."""

    name: Literal["qformer"]
    layers: int  # Video-LLaMA has 2
    heads: int

    def build(self, *, sound_width: int, host_width: int, tokens: int, pieces: int) -> nn.Module:
        if sound_width % self.heads:
            raise ValueError(
                f"states of width {sound_width} do not divide into model.audio.connector.heads {self.heads}"
            )
        return QFormer(self, sound_width=sound_width, host_width=host_width, tokens=tokens, pieces=pieces)


class QFormer(nn.Module):
    """Queries over the states of an interval."""

    def __init__(self, settings: Settings, *, sound_width: int, host_width: int, tokens: int, pieces: int) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.randn(pieces, sound_width) * 0.02)
        self.queries = nn.Parameter(torch.randn(1, tokens, sound_width))
        self.layers = qformer(width=sound_width, layers=settings.layers, heads=settings.heads)
        self.project = nn.Linear(sound_width, host_width)
        self.norm = nn.LayerNorm(host_width)

    def forward(
        self, states: Float[Tensor, "batch intervals pieces sound_width"]
    ) -> Float[Tensor, "batch intervals tokens host_width"]:
        timed = (states + self.time).flatten(0, 1)
        said: Tensor = self.layers(
            query_embeds=self.queries.expand(len(timed), -1, -1), encoder_hidden_states=timed
        ).last_hidden_state
        tokens: Tensor = self.norm(self.project(said))
        return tokens.unflatten(0, states.shape[:2])
