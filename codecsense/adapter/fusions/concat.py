"""Concatenation of all streams at once and one matrix back to the width: no fusion to speak of.

The lower end of the report's ablation (table of section I.6).
"""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import FusionConfig


class Settings(FusionConfig):
    """Nothing to choose."""

    together: ClassVar[bool] = True
    name: Literal["concat"]

    def build(self, *, width: int, operands: int) -> "Concat":
        return Concat(width=width, operands=operands)


class Concat(nn.Module):
    """`W [first; second; ...]`."""

    def __init__(self, *, width: int, operands: int) -> None:
        super().__init__()
        self.project = nn.Linear(operands * width, width)

    def forward(self, *described: Float[Tensor, "*any width"]) -> Float[Tensor, "*any width"]:
        fused: Tensor = self.project(torch.cat(described, dim=-1))
        return fused
