"""The same rewards for TRL's GRPOTrainer [1], for those who train on text or images alone.

TRL hands over the replies of a batch in order, a group of `samples` behind each prompt. Its advantages are those of
`policy.group_advantages`: with `scale_rewards: none` the same as `group_mean`; with `group` those of `group_std` times
sqrt((G - 1) / G), because TRL divides by the sample's standard deviation (plus 1e-4) and we by the group's own. Its
`batch` divides by the spread of the rewards themselves, ours by that within groups.

References:
    [1] von Werra et al., TRL: Transformer Reinforcement Learning.
"""

from collections.abc import Callable, Sequence
from typing import Any

from codecsense.rewards import Group, RewardConfig, total

BLIND = ("blind_visual", "blind_audio")


def reward_function(rewards: Sequence[RewardConfig], *, samples: int) -> Callable[..., list[float]]:
    """What to give GRPOTrainer as `reward_funcs`: VANAO's total of each reply; `samples` is its num_generations.

    The data set has a column `gold`; with the synergy reward also `blind_visual` and `blind_audio`, the accuracies
    measured before. A group that is split between processes is refused: its bonus would be that of another group.
    """
    bonus = any(reward.role == "bonus" for reward in rewards)

    def total_reward(
        *, prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Sequence[Sequence[int]], **columns: Any
    ) -> list[float]:
        missing = [name for name in ("gold", *(BLIND if bonus else ())) if name not in columns]
        if missing:
            raise ValueError(f"these rewards need the column `{missing[0]}` in the data set")
        if len(prompts) % samples or any(prompts[n] != prompts[n - n % samples] for n in range(len(prompts))):
            raise ValueError(
                f"{len(prompts)} replies are not whole groups of {samples}; make the batch of each process a multiple "
                "of num_generations"
            )
        earned: list[float] = []
        for first in range(0, len(prompts), samples):
            own = slice(first, first + samples)
            blind = [float(columns[name][first]) if bonus else 0.0 for name in BLIND]
            lengths = [len(ids) for ids in completion_ids[own]]
            group = Group([_words(reply) for reply in completions[own]], lengths, str(columns["gold"][first]), *blind)
            earned += total(rewards, group)["total"].tolist()
        return earned

    return total_reward


def _words(completion: Any) -> str:
    """A reply is text, or the messages of a conversation."""
    return completion if isinstance(completion, str) else "".join(message["content"] for message in completion)
