"""What a reward is: a number for each reply of a group, from the replies alone and what was measured before.

One file per reward, each with `Settings(RewardConfig)`. VANAO's total is R = r_f + r_l + (1 + r_n) r_a [1]: rewards are
added, except a bonus, which multiplies the accuracy reward and so never reaches a wrong answer.

Shapes:
    replies  sampled answers to one prompt, the group of GRPO

References:
    [1] HippoVLM, CVPR 2026, VANAO.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.config import Config

TAGS = ("think", "info", "answer")
REPLY = re.compile(r"\s*".join(rf"<{tag}>(?P<{tag}>[^<>]*)</{tag}>" for tag in TAGS))


class Group(NamedTuple):
    """The replies to one prompt, what is right, and what one modality alone achieved before."""

    replies: Sequence[str]
    lengths: Sequence[int]  # tokens between the first tag and the last
    gold: str
    blind_visual: float  # accuracy of the reference policy without the audio summary
    blind_audio: float  # and without the visual one


class RewardConfig(Config):
    """One reward; `role` says how it enters the total."""

    role: ClassVar[Literal["accuracy", "added", "bonus"]]
    name: str

    def of(self, group: Group) -> Float[Tensor, " replies"]:
        """The reward of each reply."""
        raise TypeError(f"{type(self).__name__} does not say what it rewards")


def answer(reply: str) -> str:
    """What a reply answers, or nothing if it has no well-formed answer."""
    found = re.search(r"<answer>([^<>]*)</answer>", reply)
    return found.group(1).strip() if found else ""


def total(rewards: Sequence[RewardConfig], group: Group) -> dict[str, Float[Tensor, " replies"]]:
    """Every reward by name, and their `total` as VANAO adds them up [1]."""
    parts = {reward.name: reward.of(group) for reward in rewards}
    added = torch.zeros(len(group.replies))
    accuracy, bonus = torch.zeros(len(group.replies)), torch.zeros(len(group.replies))
    for reward in rewards:
        if reward.role == "accuracy":
            accuracy = accuracy + parts[reward.name]
        elif reward.role == "bonus":
            bonus = bonus + parts[reward.name]
        else:
            added = added + parts[reward.name]
    return parts | {"total": added + (1 + bonus) * accuracy}
