"""One softmax over all streams at once, feature by feature: the gate whose distribution the report shows [1].

Section 3.2 of the report stages two sigmoid gates, its appendix O.3 speaks of "a softmax gate over the three branches".
Both cannot be what was trained; this is the second.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, appendix O.3.
"""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import FusionConfig


class Settings(FusionConfig):
    """Nothing to choose."""

    together: ClassVar[bool] = True
    name: Literal["softmax"]

    def build(self, *, width: int, operands: int) -> "SoftmaxFusion":
        return SoftmaxFusion(width=width, operands=operands)


class SoftmaxFusion(nn.Module):
    """`sum_s w_s * h_s` with `w = softmax_s(W [h_1; h_2; ...])`."""

    def __init__(self, *, width: int, operands: int) -> None:
        super().__init__()
        self.gate = nn.Linear(operands * width, operands * width)

    def shares(self, *described: Float[Tensor, "*any width"]) -> Float[Tensor, "operands *any width"]:
        """How much of each description passes, feature by feature; over descriptions they add up to one."""
        scores = self.gate(torch.cat(described, dim=-1)).unflatten(-1, (len(described), -1))
        return scores.softmax(-2).movedim(-2, 0)

    def forward(self, *described: Float[Tensor, "*any width"]) -> Float[Tensor, "*any width"]:
        return (self.shares(*described) * torch.stack(described)).sum(0)
