"""The gate at full size: each operand passes a matrix of its own before it is weighed, and the mixture is normalised.

The report names a `CompressedStreamFusion` module used twice and gives the two 4.8 M weights together. The gates of its
equations 3 and 4 alone are 2.36 M at a width of 768; a matrix per operand and a normalisation make them 4.73 M.
What is left is given to a bias of the gate for every step of the interval (ASSUMED): how far a map lies from its key
frame decides how much its residual still means.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section 3.2 and table of trainable parameters (appendix C).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import FusionConfig


class Settings(FusionConfig):
    """How many steps have a bias of their own."""

    name: Literal["compressed_stream"]
    steps: int  # maps per interval, or K where the encoder describes tokens

    def build(self, *, width: int, operands: int) -> "CompressedStreamFusion":
        return CompressedStreamFusion(width=width, steps=self.steps)


class CompressedStreamFusion(nn.Module):
    """`norm(g * V1 first + (1 - g) * V2 second)` with `g = sigmoid(W [first; second] + b_step)`."""

    def __init__(self, *, width: int, steps: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * width, width)
        self.step = nn.Parameter(torch.zeros(steps, width))
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def shares(
        self, first: Float[Tensor, "*any steps width"], second: Float[Tensor, "*any steps width"]
    ) -> Float[Tensor, "2 *any steps width"]:
        """How much of each operand passes, feature by feature."""
        if first.shape[-2] != len(self.step):
            raise ValueError(
                f"a gate for {len(self.step)} steps was given {first.shape[-2]}; set `fusion.steps` to the maps per "
                "interval, or to K where the encoder describes tokens"
            )
        trust = (self.gate(torch.cat([first, second], dim=-1)) + self.step).sigmoid()
        return torch.stack([trust, 1 - trust])

    def forward(
        self, first: Float[Tensor, "*any steps width"], second: Float[Tensor, "*any steps width"]
    ) -> Float[Tensor, "*any steps width"]:
        trust, rest = self.shares(first, second)
        fused: Tensor = self.norm(trust * self.first(first) + rest * self.second(second))
        return fused
