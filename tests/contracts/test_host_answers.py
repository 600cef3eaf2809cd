"""What hosts say: answers belong to their own prompt, repeat with their seed, and hold no placeholder."""

import pytest
import torch
from tiny_hosts import (
    PLACED,
    banned,
    built,
    features,
    generate,
    likelihood,
    of_row,
    packed,
    sample,
    scores,
    step_by_step,
    words,
)

from codecsense.hosts import Host
from codecsense.sequence import Text


@pytest.mark.parametrize(("name", "motion_positions"), PLACED)
def test_greedy_generation_is_the_best_score_step_by_step(name: str, motion_positions: str):
    host = built(name, motion_positions=motion_positions)
    prompts, given = [words(host, "what did it do ?"), words(host, "what ?")], features(host, 2)
    replies, said = generate(host, prompts, given), set()
    for row, prompt in enumerate(prompts):
        expected = step_by_step(host, prompt, of_row(given, row), 6)
        assert replies[row, : len(expected)].tolist() == expected
        said |= set(expected)
    assert len(said) > 2, "replies of one word would prove little"


def test_every_sampled_answer_keeps_the_features_of_its_own_prompt(host: Host):
    prompts, given = [words(host, "what did it do ?")] * 3, features(host, 3)
    greedy = generate(host, prompts, given)
    assert len({tuple(row) for row in greedy.tolist()}) == 3, "the features must matter for this test"
    cold = generate(host, prompts, given, samples=2, temperature=1e-5)
    assert torch.equal(cold, greedy.repeat_interleave(2, 0))


def test_the_same_seed_samples_the_same_answers_and_leaves_the_global_generator_alone(host: Host):
    prompts, given = [words(host, "what ?")], features(host, 1)
    torch.manual_seed(5)
    first = generate(host, prompts, given, temperature=1.0, samples=4, seed=3)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert torch.equal(first, generate(host, prompts, given, temperature=1.0, samples=4, seed=3))
    assert not torch.equal(first, generate(host, prompts, given, temperature=1.0, samples=4, seed=4))


def test_placeholders_are_never_said(host: Host):
    prompts, given = [words(host, "what ?")], features(host, 1)
    said = generate(host, prompts, given, temperature=1e4, samples=100, max_new_tokens=12)
    share = len(banned(host)) / len(host.tokenizer)
    assert said.numel() * share > 30, "too few words said to tell"
    assert not torch.isin(said, torch.tensor(banned(host))).any()


def test_beams_keep_the_features_of_their_own_prompt_and_find_no_worse_answer(host: Host):
    prompts, given = [words(host, "what did it do ?")] * 3, features(host, 3)
    greedy = generate(host, prompts, given, max_new_tokens=3)
    found = generate(host, prompts, given, max_new_tokens=3, beams=4)
    for row, prompt in enumerate(prompts):
        alone = generate(host, [prompt], of_row(given, row), max_new_tokens=3, beams=4)
        assert torch.equal(alone[0], found[row, : alone.shape[1]])
        best, first = (likelihood(host, prompt, of_row(given, row), said[row]) for said in (found, greedy))
        assert best >= first - 1e-4
    assert len({tuple(row) for row in found.tolist()}) > 1, "the features must matter for this test"


@pytest.mark.parametrize(("name", "motion_positions"), PLACED)
def test_a_prompt_read_once_is_answered_as_one_read_for_every_sample(name: str, motion_positions: str):
    host = built(name, motion_positions=motion_positions)
    prompts, given = [words(host, "what did it do ?"), words(host, "what ?")], features(host, 2)
    expected = generate(host, prompts, given)
    assert torch.equal(sample(host, prompts, given), expected)
    cold = sample(host, prompts, given, samples=3, temperature=1e-5)
    assert torch.equal(cold, expected.repeat_interleave(3, 0))


def test_samples_are_drawn_as_often_as_they_are_likely(host: Host):
    """2000 first words; the share of each is within 5 standard errors of its probability."""
    prompt, given = words(host, "what did it do ?"), features(host, 1)
    said = sample(host, [prompt], given, samples=2000, max_new_tokens=1, temperature=2.0, seed=1)[:, 0]
    read = packed(host, [[Text(prompt, [])]])
    logits = scores(host, read, given[1])[0, -1] / 2.0
    logits[banned(host)] = -torch.inf
    likely = logits.softmax(-1)
    shares = torch.bincount(said, minlength=len(likely)) / 2000
    assert ((shares - likely).abs() <= 5 * (likely * (1 - likely) / 2000).sqrt() + 1e-9).all()
    assert (shares > 0).sum() > 3


def test_samples_repeat_with_their_seed_and_hold_no_placeholder(host: Host):
    prompts, given = [words(host, "what ?")], features(host, 1)
    torch.manual_seed(5)
    said = sample(host, prompts, given, temperature=1e4, samples=100, max_new_tokens=12)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert torch.equal(said, sample(host, prompts, given, temperature=1e4, samples=100, max_new_tokens=12))
    assert not torch.equal(said, sample(host, prompts, given, temperature=1e4, samples=100, max_new_tokens=12, seed=1))
    assert not torch.isin(said, torch.tensor(banned(host))).any()
