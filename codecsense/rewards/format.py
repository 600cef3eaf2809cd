"""r_f: 1 if thought, evidence and answer stand in their tags, each opened and closed once, in order."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.rewards import REPLY, Group, RewardConfig


class Settings(RewardConfig):
    """No choices."""

    role: ClassVar[Literal["added"]] = "added"
    name: Literal["format"]

    def of(self, group: Group) -> Float[Tensor, " replies"]:
        return torch.tensor([float(REPLY.fullmatch(reply.strip()) is not None) for reply in group.replies])
