"""Concatenation and a two-layer perceptron, an ablation of the report (table of section I.6)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import FusionConfig


class Settings(FusionConfig):
    """Fusion without a gate, with as many weights as it wants."""

    name: Literal["concat_mlp"]

    def build(self, *, width: int, operands: int) -> "ConcatMLP":
        return ConcatMLP(width=width)


class ConcatMLP(nn.Module):
    """`MLP([first; second])`."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, width))

    def forward(
        self, first: Float[Tensor, "*any width"], second: Float[Tensor, "*any width"]
    ) -> Float[Tensor, "*any width"]:
        fused: Tensor = self.layers(torch.cat([first, second], dim=-1))
        return fused
