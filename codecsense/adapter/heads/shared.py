"""First layers of their own, one last layer for all: what the report's 8.0 M can be [1].

Four heads of their own into a host of 3584 would be far more; a shared last layer with 1200 in between is 8.00 M.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section 3.3 and table of trainable parameters (appendix C).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import Described, Head, HeadConfig, Stream


class Settings(HeadConfig):
    """The size in between."""

    name: Literal["shared"]
    between: int

    def build(self, streams: Sequence[Stream], *, width: int, host_width: int, temperature: float) -> "SharedHead":
        names = ["fused", *streams]
        return SharedHead(names, width=width, between=self.between, host_width=host_width, temperature=temperature)

    def hidden(self, width: int) -> int:
        return self.between


class SharedHead(Head):
    """Per state: normalisation, matrix, activation; then one matrix for all."""

    def __init__(self, names: list[str], *, width: int, between: int, host_width: int, temperature: float) -> None:
        super().__init__()
        self.first = nn.ModuleDict(
            {name: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, between), nn.GELU()) for name in names}
        )
        self.last = nn.Linear(between, host_width)
        self.log_inverse_temperature = nn.Parameter(torch.tensor(1 / temperature).log())

    def fused(self) -> list[nn.Module]:
        return [*self.first["fused"].children(), self.last]

    def forward(self, described: Described) -> dict[str, Float[Tensor, "batch intervals tokens host_width"]]:
        states = {"fused": described.fused, **described.branches}
        return {name: self.last(layers(states[name])) for name, layers in self.first.items()}
