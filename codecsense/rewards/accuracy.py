"""r_a: 1 for a right answer, 0 for a wrong or missing one."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.rewards import Group, RewardConfig, answer


class Settings(RewardConfig):
    """No choices."""

    role: ClassVar[Literal["accuracy"]] = "accuracy"
    name: Literal["accuracy"]

    def of(self, group: Group) -> Float[Tensor, " replies"]:
        return torch.tensor([float(answer(reply) == group.gold) for reply in group.replies])
