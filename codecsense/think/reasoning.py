"""Reasoning by consensus: kept only where independent samples agree and are right [1]; then balanced.

A sample is independent by its seed. One that cannot be had (a refusal, an endless quarrel about its shape) is no
agreement: its question is rejected with that reason.

References:
    [1] HippoVLM, CVPR 2026: consensus filtering over three samples; balance over temporal, social and general.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from codecsense.think import prompts
from codecsense.think.asking import Answer, Desk, Rejection
from codecsense.think.prompts import Thought
from codecsense.think.rejects import Rejected
from codecsense.think.settings import Category, ReasoningConfig
from codecsense.think.summaries import Draft
from codecsense.think.teachers import Request, Teacher

SEEDS_PER_SAMPLE = 1000


class Asked(NamedTuple):
    """A question with its right answer, and the summaries it is answered from."""

    question_id: str
    video_id: str
    category: str
    text: str
    options: tuple[str, ...]
    answer: str
    seen: Draft
    heard: Draft


class Sampled(NamedTuple):
    """A question and all that was sampled for it; `kept` is the sample that stands for all, where they agree."""

    asked: Asked
    samples: list[Answer[Thought]]
    kept: Answer[Thought] | None


class Reasoned(NamedTuple):
    """All questions, and why some came to nothing."""

    sampled: list[Sampled]
    rejects: list[Rejected]


def reason(asked: Sequence[Asked], desk: Desk, teacher: Teacher, config: ReasoningConfig, *, seed: int) -> Reasoned:
    """Sample every question and look for agreement."""
    requests = [_request(each, teacher, number, seed) for each in asked for number in range(config.samples)]
    outcomes = desk.ask(teacher, requests, Thought)
    desk.meet(last=True)
    sampled, rejects = [], []
    for each in asked:
        drawn = [outcomes[_name(each, number)] for number in range(config.samples)]
        samples = [outcome for outcome in drawn if isinstance(outcome, Answer)]
        failed = [outcome for outcome in drawn if isinstance(outcome, Rejection)]
        if failed:
            rejects.append(Rejected(each.question_id, each.video_id, "reason", *failed[0]))
            sampled.append(Sampled(each, samples, None))
            continue
        why = disagreement([sample.value for sample in samples], each.answer, config.agree_on)
        if why:
            rejects.append(Rejected(each.question_id, each.video_id, "consensus", *why))
        sampled.append(Sampled(each, samples, None if why else samples[0]))
    return Reasoned(sampled, rejects)


def disagreement(thoughts: Sequence[Thought], answer: str, agree_on: Sequence[str]) -> tuple[str, str] | None:
    """Why samples do not stand for each other, as kind and reason; None where all agree and are right."""
    for name in agree_on:
        said = sorted({_plain(getattr(thought, name)) for thought in thoughts})
        if len(said) > 1:
            return "disagree", f"{len(thoughts)} samples differ in `{name}`: {'; '.join(said)[:200]}"
    if _plain(thoughts[0].answer) != _plain(answer):
        return "wrong", f"all samples answer {thoughts[0].answer!r}, and it is {answer!r}"
    return None


def balance(categories: Mapping[str, str], shares: Mapping[Category, float], *, seed: int) -> set[str]:
    """The largest choice of items whose categories stand in these shares, drawn by `seed`.

    `categories` names each item's. A category with a share and without an item leaves nothing to balance: ValueError.
    """
    piles: dict[str, list[str]] = defaultdict(list)
    for item in sorted(categories):
        piles[categories[item]].append(item)
    empty = [category for category in shares if not piles[category]]
    if empty:
        raise ValueError(f"no reasoning is left in {', '.join(empty)}; set its share aside in `reasoning.shares`")
    whole = min(len(piles[category]) / share for category, share in shares.items())
    generator = random.Random(seed)
    chosen = set()
    for category in sorted(shares):
        chosen.update(generator.sample(piles[category], int(whole * shares[category] + 1e-9)))
    return chosen


def _plain(text: str) -> str:
    """Answers that differ only in spelling are the same answer."""
    return " ".join(text.casefold().split()).strip(".,;:!?\"'()")


def _name(asked: Asked, number: int) -> str:
    return f"{asked.question_id}/{number}"


def _request(asked: Asked, teacher: Teacher, number: int, seed: int) -> Request:
    seen, heard = (prompts.summary(draft.written.value.lines) for draft in (asked.seen, asked.heard))
    return Request(
        item=_name(asked, number),
        step="reason",
        video_id=asked.video_id,
        system=prompts.reason_system(),
        text=prompts.reason_text(asked.text, asked.options, seen, heard),
        shape=prompts.shape(Thought),
        subject={"question_id": asked.question_id},
        seed=seed + SEEDS_PER_SAMPLE * number,
    )
