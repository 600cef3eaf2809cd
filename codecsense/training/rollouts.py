"""Rollouts: groups of sampled replies to prompts, what each earned, and how likely a policy finds every token.

Frozen encoders have spoken before (`clips.py`); the senses and the prompt are read once for all samples, in sampling
as in scoring. Tokens behind the end of a reply do not exist.

Shapes:
    prompts  of a step    samples  replies per prompt    replies  prompts x samples, in order    longest  reply
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from codecsense.clips import Clips
from codecsense.model import CodecSense
from codecsense.rewards import Group, RewardConfig, total
from codecsense.sequence import Prefix, Text, answered, answering, behind, pack
from codecsense.training.policy import token_log_probabilities


class Prompt(NamedTuple):
    """One question with its summaries, as ids, and what it is rewarded against."""

    row: int  # of the clip
    ids: list[int]
    gold: str
    blind_visual: float
    blind_audio: float


class Rollout(NamedTuple):
    """Replies of one step: tokens after each prompt up to the end, and each reward."""

    tokens: list[list[int]]
    rewards: dict[str, Float[Tensor, "prompts samples"]]


class Sampling(NamedTuple):
    """How replies are drawn."""

    samples: int
    temperature: float
    max_new_tokens: int


class Read(NamedTuple):
    """What the frozen senses say of the clips of a step, for every pass over its prompts."""

    pictures: Tensor
    injected: list[tuple[int, Tensor]]
    starts: list[Prefix]


@torch.no_grad()
def read(model: CodecSense, clips: Clips, asked: Sequence[Prompt]) -> Read:
    """The senses' words on each prompt's clip."""
    shown = clips.batch(torch.tensor([prompt.row for prompt in asked]))
    return Read(*model.senses(shown), model.starts(shown))


def roll(
    model: CodecSense,
    seen: Read,
    asked: Sequence[Prompt],
    rewards: Sequence[RewardConfig],
    sampling: Sampling,
    *,
    seed: int,
) -> Rollout:
    """Sample a group of replies per prompt and reward each."""
    said = model.host.sample(
        [torch.tensor(prompt.ids) for prompt in asked],
        seen.starts,
        pictures=seen.pictures,
        injected=seen.injected,
        **sampling._asdict(),
        seed=seed,
    )
    tokens = [until_end(row, model.host.specials.end) for row in said.tolist()]
    words = model.host.tokenizer.batch_decode(tokens, skip_special_tokens=True)
    lengths = [len(row) for row in tokens]
    parts = []
    for number, prompt in enumerate(asked):
        own = slice(number * sampling.samples, (number + 1) * sampling.samples)
        parts.append(
            total(rewards, Group(words[own], lengths[own], prompt.gold, prompt.blind_visual, prompt.blind_audio))
        )
    return Rollout(tokens, {name: torch.stack([part[name] for part in parts]) for name in parts[0]})


def until_end(row: list[int], end: int) -> list[int]:
    """The tokens of a reply up to its end, the end included; all of them if it never ended."""
    return row[: row.index(end) + 1] if end in row else row


def log_probabilities(
    model: CodecSense, seen: Read, asked: Sequence[Prompt], tokens: list[list[int]]
) -> tuple[Float[Tensor, "replies longest"], Bool[Tensor, "replies longest"]]:
    """Log-probability of every token of every reply, and which tokens were said.

    A prompt is run once, with all its replies packed behind it.
    """
    samples = len(tokens) // len(asked)
    starts, texts = [], []
    for number, (start, prompt) in enumerate(zip(seen.starts, asked, strict=True)):
        starts.append(extend(start, prompt.ids[:-1]))
        own = tokens[number * samples : (number + 1) * samples]
        texts.append([Text(prompt.ids[-1:], reply) for reply in own])
    packed = pack(starts, texts, pad=model.host.tokenizer.pad_token_id)
    logits = model.host.logits(packed, pictures=seen.pictures, injected=seen.injected, at=answering(packed))
    scores = token_log_probabilities(logits, answered(packed).to(logits.device))
    lengths = torch.tensor([len(reply) for reply in tokens])
    said = torch.arange(int(lengths.max())) < lengths[:, None]
    return pad_sequence(scores.split(lengths.tolist()), batch_first=True), said.to(logits.device)


def extend(start: Prefix, ids: Sequence[int]) -> Prefix:
    """The prefix with more text behind it."""
    if start.positions is None:
        raise ValueError("a prefix needs its host's positions before it is extended")
    more = torch.arange(len(ids)) + behind(start.positions)
    return Prefix(
        ids=torch.cat([start.ids, torch.tensor(ids, dtype=start.ids.dtype)]),
        kinds=torch.cat([start.kinds, torch.zeros(len(ids), dtype=start.kinds.dtype)]),
        positions=torch.cat([start.positions, more.expand(len(start.positions), -1)], 1),
    )
