"""r_n: a bonus for the whole group when seeing and hearing together beat each alone, strictly [1].

Being the same for all replies of a group, it cancels under group standardisation wherever the added rewards are
equal in the group (so the paper's algebra, and tested); other normalisations keep it.

References:
    [1] HippoVLM, CVPR 2026, VANAO.
"""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.rewards import Group, RewardConfig, answer


class Settings(RewardConfig):
    """`both`: gamma if both baselines are beaten; `sum`: gamma for each that is."""

    role: ClassVar[Literal["bonus"]] = "bonus"
    name: Literal["synergy"]
    mode: Literal["both", "sum"]
    gamma: float

    def of(self, group: Group) -> Float[Tensor, " replies"]:
        accuracy = sum(answer(reply) == group.gold for reply in group.replies) / len(group.replies)
        beaten = [accuracy > group.blind_visual, accuracy > group.blind_audio]
        worth = float(all(beaten)) if self.mode == "both" else float(sum(beaten))
        return torch.full((len(group.replies),), self.gamma * worth)
