"""The rewards under TRL: equal totals, and advantages that differ from ours by what is declared and by nothing else."""

import warnings
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch

from codecsense.hosts._words import word_tokenizer
from codecsense.rewards import Group, accuracy, length, synergy, total
from codecsense.training.for_trl import reward_function
from codecsense.training.policy import group_advantages

G = 4
REWARDS = [
    length.Settings(name="length", omega=0.2, shortest=2, longest=4),
    accuracy.Settings(name="accuracy"),
    synergy.Settings(name="synergy", mode="sum", gamma=0.25),
]
GOOD, WRONG = "<answer> left </answer>", "<answer> right </answer>"
COLUMNS = {"gold": ["left"] * 2 * G, "blind_visual": [0.2] * 2 * G, "blind_audio": [0.9] * 2 * G}


def called(**changes: Any) -> list[float]:
    prompts = ["a"] * G + ["b"] * G
    replies = [GOOD, WRONG, GOOD, WRONG, WRONG, WRONG, WRONG, GOOD]
    given = {"prompts": prompts, "completions": replies, "completion_ids": [[1, 2, 3]] * 2 * G, **COLUMNS} | changes
    return reward_function(REWARDS, samples=G)(**given)


def test_replies_earn_under_trl_what_they_earn_here():
    """Half right beats one baseline of two, a quarter right as well; the lengths are within their bounds."""
    assert called() == pytest.approx([0.2 + 1.25, 0.2, 0.2 + 1.25, 0.2, 0.2, 0.2, 0.2, 0.2 + 1.25])


def test_replies_may_be_messages():
    messages = [[{"role": "assistant", "content": GOOD}]] * 2 * G
    assert called(completions=messages) == called(completions=[GOOD] * 2 * G)


def test_a_group_that_is_split_is_refused():
    with pytest.raises(ValueError, match="8 replies are not whole groups of 4"):
        called(prompts=["a"] * 3 + ["b"] * 5)


def test_a_column_that_a_reward_needs_is_asked_for():
    given = {"prompts": ["a"] * G, "completions": [GOOD] * G, "completion_ids": [[1]] * G}
    with pytest.raises(ValueError, match="need the column `gold`"):
        reward_function(REWARDS, samples=G)(**given)
    with pytest.raises(ValueError, match="need the column `blind_visual`"):
        reward_function(REWARDS, samples=G)(gold=["left"] * G, **given)
    reward_function(REWARDS[:2], samples=G)(gold=["left"] * G, **given)


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["none", "group"])
@pytest.mark.filterwarnings("ignore")
def test_advantages_of_trl_are_ours(scale: str, tmp_path: Path):
    """A step of TRL's trainer on a tiny text model; replies are random words, so length and accuracy vary."""
    pytest.importorskip("trl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen, found = trained_by_trl(scale, tmp_path)
    groups = [
        Group(seen["completions"][n : n + G], [len(ids) for ids in seen["completion_ids"][n : n + G]], "left", 0.0, 0.0)
        for n in range(0, len(found), G)
    ]
    rewards = torch.stack([total(REWARDS[:2], group)["total"] for group in groups])
    assert len(set(rewards.flatten().tolist())) > 1, "equal rewards would prove nothing"
    ours = group_advantages(rewards, by="group_mean" if scale == "none" else "group_std").flatten()
    expected = ours if scale == "none" else ours * sqrt((G - 1) / G)
    torch.testing.assert_close(found, expected, atol=2e-3 if scale == "group" else 1e-6, rtol=0.0)


def trained_by_trl(scale: str, folder: Path) -> tuple[dict[str, Any], torch.Tensor]:
    """What TRL showed the reward function in its first step, and the advantages that it took."""
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = word_tokenizer(["what", "?"], [])  # so few words that some replies end soon
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **ends))
    seen: dict[str, Any] = {}
    reward = reward_function(REWARDS[:2], samples=G)

    def watched(**given: Any) -> list[float]:
        seen.update(given)
        return reward(**given)

    class Watched(GRPOTrainer):  # type: ignore[misc]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            made = super()._generate_and_score_completions(inputs)
            seen["advantages"] = made["advantages"]
            return made

    settings = GRPOConfig(
        output_dir=str(folder),
        num_generations=G,
        per_device_train_batch_size=2 * G,
        max_completion_length=12,
        scale_rewards=scale,
        max_steps=1,
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        gradient_checkpointing=False,
        disable_tqdm=True,
    )
    data = Dataset.from_list([{"prompt": "what what ?", "gold": "left"}, {"prompt": "what ?", "gold": "left"}] * 4)
    Watched(model=model, reward_funcs=watched, args=settings, train_dataset=data, processing_class=tokenizer).train()
    return seen, seen["advantages"]
