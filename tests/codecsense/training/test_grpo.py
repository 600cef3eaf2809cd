"""Reinforcement: what moves, what is logged and dumped, and that a packed group scores as each reply alone does."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny_training
import tiny_twins
import torch
from tiny_training import VANAO, measured
from torch import Tensor

from codecsense.clips import Clips
from codecsense.model import CodecSense
from codecsense.sequence import Text, pack
from codecsense.training import checkpoints, grpo
from codecsense.training.lora import use
from codecsense.training.rollouts import Prompt, Rollout, Sampling, log_probabilities, read, roll, until_end

GROUPS = Sampling(VANAO.samples, VANAO.temperature, VANAO.max_new_tokens)


class Trained(NamedTuple):
    """What came of a loop."""

    model: CodecSense
    curve: list[dict[str, float]]
    state_file: Path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_training.reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory, clips: Clips, reference: Path) -> Trained:
    return trained(clips, reference, tmp_path_factory.mktemp("policy") / "state.pt", VANAO)


def trained(clips: Clips, reference: Path, state_file: Path, settings: grpo.Vanao) -> Trained:
    model = checkpoints.load(reference, tiny_twins.host())
    prompts = grpo.prompts_of(model, clips, measured(), settings)
    return Trained(model, grpo.fit(model, clips, prompts, settings, seed=1, state_file=state_file), state_file)


def rolled(model: CodecSense, clips: Clips, asked: list[Prompt], sampling: Sampling = GROUPS) -> Rollout:
    return roll(model, read(model, clips, asked), asked, VANAO.rewards, sampling, seed=0)


@pytest.mark.parametrize("objective", ["grpo", "dpo"])
def test_reinforcement_moves_the_policy_and_nothing_else(
    objective: str, clips: Clips, reference: Path, tmp_path: Path, policy: Trained
):
    if objective == "dpo":
        settings = VANAO.model_copy(update={"objective": objective})
        policy = trained(clips, reference, tmp_path / "state.pt", settings)
    before = {
        name: weight.clone() for name, weight in checkpoints.load(reference, tiny_twins.host()).state_dict().items()
    }
    after = policy.model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    own = {name: weight for name, weight in after.items() if ".policy." in name}
    assert {name for name, weight in policy.model.named_parameters() if weight.requires_grad} == set(own)
    assert any(weight.any() for name, weight in own.items() if "lora_B" in name)


def test_the_reference_differs_from_the_policy_only_after_a_step(policy: Trained):
    curve = policy.curve
    assert curve[0]["kl"] == 0
    assert curve[0]["unanimous_groups"] < 1, "a step that teaches nothing would prove nothing"
    assert all(row["kl"] > 0 for row in curve[1:])
    assert {"format", "length", "accuracy", "total", "reply_tokens"} <= curve[0].keys()


def test_the_clip_acts_from_the_second_descent_on_a_rollout(clips: Clips, reference: Path, tmp_path: Path):
    settings = VANAO.model_copy(update={"updates": 2, "learning_rate": 0.1})
    curve = trained(clips, reference, tmp_path / "state.pt", settings).curve
    assert [row["beyond_clip"] > 0 for row in curve] == [False, True, False, True]
    assert curve[0]["total"] == curve[1]["total"], "one rollout serves both"


def test_the_reference_of_a_trained_policy_is_stage_2_itself(policy: Trained, clips: Clips, reference: Path):
    before, after = checkpoints.load(reference, tiny_twins.host()), policy.model
    asked = grpo.prompts_of(before, clips, measured(), VANAO).train[:2]
    tokens, seen = rolled(before, clips, asked).tokens, read(before, clips, asked)
    with torch.no_grad():
        expected, _ = log_probabilities(before, seen, asked, tokens)
        moved, _ = log_probabilities(after, seen, asked, tokens)
        with grpo.asleep(after):
            asleep, _ = log_probabilities(after, seen, asked, tokens)
    assert torch.equal(asleep, expected)
    assert not torch.allclose(moved, expected)


def test_log_probabilities_of_a_packed_group_are_those_of_each_reply_alone(clips: Clips, reference: Path):
    model = checkpoints.load(reference, tiny_twins.host())
    asked = grpo.prompts_of(model, clips, measured(), VANAO).train[:2]
    tokens = rolled(model, clips, asked, GROUPS._replace(max_new_tokens=30)).tokens
    assert len({len(reply) for reply in tokens}) > 1, "replies of one length would prove little"
    with torch.no_grad():
        packed, said = log_probabilities(model, read(model, clips, asked), asked, tokens)
        for number, reply in enumerate(tokens):
            alone = by_hand(model, clips, asked[number // VANAO.samples], reply)
            assert said[number].sum() == len(reply)
            torch.testing.assert_close(packed[number, : len(reply)], alone, atol=1e-5, rtol=0.0)


def by_hand(model: CodecSense, clips: Clips, prompt: Prompt, tokens: list[int]) -> Tensor:
    pictures, injected = model.senses(clips.batch(torch.tensor([prompt.row])))
    written = pack([model.start], [[Text(prompt.ids, tokens)]], pad=model.host.tokenizer.pad_token_id)
    logits = model.host.logits(written, pictures=pictures, injected=injected)
    scores = logits[0, -len(tokens) - 1 : -1].log_softmax(-1)
    return scores[torch.arange(len(tokens)), torch.tensor(tokens)]


def test_a_reply_counts_up_to_its_end_and_no_further():
    assert until_end([5, 6, 2, 0, 0], 2) == [5, 6, 2]
    assert until_end([5, 6, 7], 2) == [5, 6, 7]
    assert until_end([2, 5, 2], 2) == [2]


def test_every_reply_of_a_dumped_step_stands_beside_what_it_earned(policy: Trained):
    files = sorted(grpo.samples_of(policy.state_file).glob("*.jsonl"))
    assert [file.name for file in files] == ["step_000000.jsonl", "step_000002.jsonl"]
    lines = [json.loads(line) for line in files[0].read_text().splitlines()]
    assert len(lines) == VANAO.prompts * VANAO.samples
    assert all(line["prompt"].startswith("saw red go left heard high n2 ask what") for line in lines)
    totals = sum(line["total"] for line in lines) / len(lines)
    assert totals == pytest.approx(policy.curve[0]["total"], abs=1e-5)
    for line in lines:
        assert line["total"] == pytest.approx(line["format"] + line["length"] + line["accuracy"])


def test_prompts_held_out_share_no_clip_with_those_that_are_trained_on(clips: Clips, reference: Path, tmp_path: Path):
    settings = VANAO.model_copy(update={"held_out": 2, "least_sure": 0.0})
    model = checkpoints.load(reference, tiny_twins.host())
    prompts = grpo.prompts_of(model, clips, measured(), settings)
    assert len(prompts.held_out) == 2
    assert not {prompt.row for prompt in prompts.held_out} & {prompt.row for prompt in prompts.train}
    curve = trained(clips, reference, tmp_path / "state.pt", settings).curve
    assert ["held_out_accuracy" in row for row in curve] == [False, True, False, True]


def test_too_few_unsure_prompts_are_refused_with_the_knobs_to_turn(clips: Clips):
    bounds = VANAO.model_copy(update={"least_sure": 0.9, "most_sure": 0.95})
    with pytest.raises(ValueError, match=r"only 0 of 6 prompts.*vanao.least_sure 0.9.*raise blind.prompts"):
        grpo.prompts_of(tiny_twins.model(), clips, measured(), bounds)


def test_a_policy_that_wakes_is_the_only_thing_that_trains(policy: Trained):
    use(policy.model.host, ["sft"])
    with grpo.asleep(policy.model):
        pass
    names = [name for name, weight in policy.model.named_parameters() if weight.requires_grad]
    assert names
    assert all(".policy." in name for name in names)
