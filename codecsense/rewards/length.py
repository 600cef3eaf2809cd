"""r_l: omega if the reply's length lies within [shortest, longest] tokens, whether or not it is right."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.rewards import Group, RewardConfig


class Settings(RewardConfig):
    """The bounds, both inside, and what staying within them is worth."""

    role: ClassVar[Literal["added"]] = "added"
    name: Literal["length"]
    omega: float
    shortest: int
    longest: int

    def of(self, group: Group) -> Float[Tensor, " replies"]:
        return torch.tensor([self.omega * (self.shortest <= length <= self.longest) for length in group.lengths])
