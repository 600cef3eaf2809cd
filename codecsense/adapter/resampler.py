"""From steps in the order of time to K tokens: learned queries look at the steps that are there.

Steps that are missing are left out before anything reads the sequence: those that are there move up, so that a causal
pass never meets a gap. A learned step stands before the first, so that an interval of no maps has something to say.

Shapes:
    sequences  intervals of all clips    steps  maps of an interval    tokens  K
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Resampler(nn.Module):
    """Sequence blocks (none, or a state-space model), then cross-attention from K learned queries."""

    def __init__(self, *, width: int, tokens: int, heads: int, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} does not divide into {heads} heads")
        self.first = nn.Parameter(torch.randn(width))
        self.queries = nn.Parameter(torch.randn(tokens, width))
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.look = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(
        self, steps: Float[Tensor, "batch intervals steps width"], there: Bool[Tensor, "batch intervals steps"]
    ) -> Float[Tensor, "batch intervals tokens width"]:
        timed = steps + times(steps.shape[2], steps.shape[3]).to(steps)
        states, known = moved_up(timed.flatten(0, 1), there.flatten(0, 1))
        states = torch.cat([self.first.expand(len(states), 1, -1).to(states), states], 1)
        known = torch.cat([known.new_ones(len(known), 1), known], 1)
        for block in self.blocks:
            states = block(states)
        states = self.norm(states)
        queries = self.queries.expand(len(states), -1, -1).to(states)
        tokens, _ = self.look(queries, states, states, key_padding_mask=~known, need_weights=False)
        said: Tensor = tokens.unflatten(0, there.shape[:2])
        return said


def times(steps: int, width: int) -> Float[Tensor, "steps width"]:
    """Where each step lies between the two anchors, as sines and cosines of 1 to `steps` quarter turns."""
    place = (torch.arange(steps) + 0.5) / steps
    turns = torch.logspace(0, math.log2(max(steps, 2)), math.ceil(width / 2), base=2.0) * (math.pi / 2)
    angles = place[:, None] * turns
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :width]


def moved_up(
    steps: Float[Tensor, "sequences steps width"], there: Bool[Tensor, "sequences steps"]
) -> tuple[Float[Tensor, "sequences steps width"], Bool[Tensor, "sequences steps"]]:
    """The steps that are there, in their order, before those that are not, which become zeros."""
    order = (~there).long().argsort(dim=1, stable=True)
    known = there.gather(1, order)
    moved = steps.gather(1, order[..., None].expand_as(steps))
    return torch.where(known[..., None], moved, 0.0), known
