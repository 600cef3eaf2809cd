"""The promises of `codecsense.rewards`, held by every file of the folder."""

import importlib
from typing import Any

import pytest
import torch

from codecsense.config import variants
from codecsense.rewards import Group, RewardConfig, total

EXAMPLES: dict[str, dict[str, Any]] = {  # the choices of each reward
    "accuracy": {},
    "format": {},
    "length": {"omega": 0.2, "shortest": 8, "longest": 12},
    "synergy": {"mode": "both", "gamma": 0.5},
}
GOOD = "<think> high in part two </think> <info> red swing left </info> <answer> left </answer>"
REPLIES = (GOOD, GOOD.replace("left </answer>", "right </answer>"), "<answer> left </answer>", "", "<answer>", "left")
GROUP = Group(REPLIES, [10, 10, 3, 0, 1, 1], "left", 0.1, 0.1)


@pytest.fixture(params=variants("codecsense.rewards"))
def reward(request: pytest.FixtureRequest) -> RewardConfig:
    assert request.param in EXAMPLES, "say here how to choose this reward"
    settings: type[RewardConfig] = importlib.import_module(f"codecsense.rewards.{request.param}").Settings
    return settings.model_validate({"name": request.param, **EXAMPLES[request.param]})


def reordered(group: Group, order: list[int]) -> Group:
    return group._replace(replies=[group.replies[n] for n in order], lengths=[group.lengths[n] for n in order])


def test_every_reply_gets_one_finite_number_that_is_no_fine(reward: RewardConfig):
    earned = reward.of(GROUP)
    assert earned.shape == (len(REPLIES),)
    assert earned.isfinite().all()
    assert (earned >= 0).all()


def test_a_good_reply_earns_something(reward: RewardConfig):
    assert reward.of(GROUP)[0] > 0


def test_the_order_of_a_group_does_not_matter(reward: RewardConfig):
    order = [5, 0, 3, 1, 4, 2]
    assert torch.equal(reward.of(reordered(GROUP, order)), reward.of(GROUP)[order])


def test_a_role_says_how_a_reward_enters_the_total(reward: RewardConfig):
    assert reward.role in ("accuracy", "added", "bonus")
    parts = total([reward], GROUP)
    expected = torch.zeros(len(REPLIES)) if reward.role == "bonus" else parts[reward.name]
    assert torch.equal(parts["total"], expected)


def test_a_misspelt_choice_is_refused(reward: RewardConfig):
    with pytest.raises(ValueError, match="extra_forbidden|Extra inputs"):
        type(reward).model_validate({**reward.model_dump(), "weight": 2.0})
