"""One learned weight per operand, the same for every input: an ablation of the report (table of section I.6)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import FusionConfig


class Settings(FusionConfig):
    """Fusion that cannot look at its input."""

    name: Literal["weighted_sum"]

    def build(self, *, width: int, operands: int) -> "WeightedSum":
        return WeightedSum()


class WeightedSum(nn.Module):
    """`w1 * first + w2 * second`, the weights a softmax of two numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(2))

    def forward(
        self, first: Float[Tensor, "*any width"], second: Float[Tensor, "*any width"]
    ) -> Float[Tensor, "*any width"]:
        weights = self.scores.softmax(0)
        return weights[0] * first + weights[1] * second

    def shares(
        self, first: Float[Tensor, "*any width"], second: Float[Tensor, "*any width"]
    ) -> Float[Tensor, "2 *any width"]:
        """How much of each operand passes: the same everywhere."""
        weights = self.scores.softmax(0)
        return torch.stack([weights[0].expand_as(first), weights[1].expand_as(second)])
