"""Gated fusion: mix two descriptions feature by feature, by how far each can be trusted [1, eq. 3-4].

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section 3.2.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import FusionConfig


class Settings(FusionConfig):
    """The report's default."""

    name: Literal["gated"]

    def build(self, *, width: int, operands: int) -> "GatedFusion":
        return GatedFusion(width=width)


class GatedFusion(nn.Module):
    """`g * first + (1 - g) * second` with `g = sigmoid(W [first; second])`."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * width, width)

    def forward(
        self, first: Float[Tensor, "*any width"], second: Float[Tensor, "*any width"]
    ) -> Float[Tensor, "*any width"]:
        trust = self._trust(first, second)
        return trust * first + (1 - trust) * second

    def shares(
        self, first: Float[Tensor, "*any width"], second: Float[Tensor, "*any width"]
    ) -> Float[Tensor, "2 *any width"]:
        """How much of each operand passes, feature by feature."""
        trust = self._trust(first, second)
        return torch.stack([trust, 1 - trust])

    def _trust(self, first: Tensor, second: Tensor) -> Tensor:
        trust: Tensor = self.gate(torch.cat([first, second], dim=-1)).sigmoid()
        return trust
