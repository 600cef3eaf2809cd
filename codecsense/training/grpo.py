"""The RL loop: sample a group of reasoned replies per prompt, reward them, climb, stay near the reference.

The policy is a LoRA on top of Stage 2's; the reference is the same model with that LoRA asleep, so nothing is
copied. Senses and encoders are frozen. With VANAO's rewards this is VANAO, with accuracy, format and length GRPO.

Shapes:
    prompts  of a step    samples  replies per prompt

References:
    [1] HippoVLM, CVPR 2026, VANAO; recipe: G = 4, KL to the reference, AdamW, warm-up then cosine.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch
from torch import Tensor

from codecsense.clips import Clips
from codecsense.config import Annotated, Config, SerializeAsAny, pick
from codecsense.model import CodecSense
from codecsense.rewards import Group, RewardConfig, total
from codecsense.sequence import Prefix, Text, pack
from codecsense.texts import Encoder, reason_prompt
from codecsense.training.loop import run
from codecsense.training.lora import LoRAConfig, use
from codecsense.training.lora import add as add_lora
from codecsense.training.policy import Normalisation, group_advantages, policy_loss, token_log_probabilities
from codecsense.training.schedule import Optimiser, OptimiserConfig


class Vanao(Config):
    """Section `vanao` of params.yaml."""

    start: str  # the run of `runs` whose Stage 2 the policy starts from
    steps: int
    prompts: int
    samples: int
    least_sure: float  # prompts on which the reference is right less often are left out
    most_sure: float  # and those on which it is right more often
    temperature: float
    max_new_tokens: int
    rewards: list[Annotated[SerializeAsAny[RewardConfig], pick("codecsense.rewards")]]
    advantage: Normalisation
    clip: float
    kl_weight: float
    lora: LoRAConfig
    learning_rate: float
    save_every_s: float
    optimiser: OptimiserConfig


class Prompt(NamedTuple):
    """One question with its summaries, as ids, and what it is rewarded against."""

    row: int  # of the clip
    ids: list[int]
    gold: str
    blind_visual: float
    blind_audio: float


class Rollout(NamedTuple):
    """Replies of one step: tokens after each prompt, and which of them were said before the end."""

    tokens: list[list[int]]
    rewards: dict[str, Tensor]
    lengths: list[int]


def prompts_of(model: CodecSense, clips: Clips, measured: pl.DataFrame, settings: Vanao) -> list[Prompt]:
    """The prompts from which there is something to learn: the reference is neither always right nor always wrong."""
    encode, place = Encoder(model.host.tokenizer), {clip: row for row, clip in enumerate(clips.ids)}
    unsure = measured.filter(pl.col("p_both").is_between(settings.least_sure, settings.most_sure))
    if len(unsure) < settings.prompts:
        raise ValueError(
            f"only {len(unsure)} of {len(measured)} prompts have an accuracy between vanao.least_sure "
            f"{settings.least_sure} and vanao.most_sure {settings.most_sure}, fewer than vanao.prompts "
            f"{settings.prompts}; widen the bounds or raise blind.prompts"
        )
    return [
        Prompt(
            row=place[row["clip_id"]],
            ids=encode(reason_prompt(row["text"], row["summary_visual"], row["summary_audio"])),
            gold=row["answer"],
            blind_visual=row["p_visual"],
            blind_audio=row["p_audio"],
        )
        for row in unsure.sort("question_id").iter_rows(named=True)
    ]


def fit(
    model: CodecSense, clips: Clips, prompts: Sequence[Prompt], settings: Vanao, *, seed: int, state_file: Path
) -> list[dict[str, float]]:
    """Train LoRA `policy` on the prompts; returns the curve with every reward's mean and the KL."""
    lora = add_lora(model.host, "policy", settings.lora, seed=seed)
    optimiser = Optimiser([(lora, settings.learning_rate)], settings.optimiser, steps=settings.steps)

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        chosen = torch.randperm(len(prompts), generator=generator)[: settings.prompts].tolist()
        asked = [prompts[index] for index in chosen]
        rolled = roll(model, clips, asked, settings, seed=int(torch.randint(2**31, (), generator=generator)))
        return _loss(model, clips, asked, rolled, settings)

    return run(
        step,
        optimiser=optimiser,
        weights={name: weight for name, weight in model.named_parameters() if weight.requires_grad},
        steps=settings.steps,
        seed=seed,
        state_file=state_file,
        save_every_s=settings.save_every_s,
        label="vanao",
    )


def roll(model: CodecSense, clips: Clips, asked: Sequence[Prompt], settings: Vanao, *, seed: int) -> Rollout:
    """Sample a group of replies per prompt and reward each."""
    said = model.generate(
        clips.batch(torch.tensor([prompt.row for prompt in asked])),
        [prompt.ids for prompt in asked],
        max_new_tokens=settings.max_new_tokens,
        samples=settings.samples,
        temperature=settings.temperature,
        seed=seed,
    )
    tokens = [until_end(row, model.host.specials.end) for row in said.tolist()]
    words = model.host.tokenizer.batch_decode(tokens, skip_special_tokens=True)
    lengths = [len(row) for row in tokens]
    parts = []
    for number, prompt in enumerate(asked):
        own = slice(number * settings.samples, (number + 1) * settings.samples)
        group = Group(words[own], lengths[own], prompt.gold, prompt.blind_visual, prompt.blind_audio)
        parts.append(total(settings.rewards, group))
    return Rollout(tokens, {name: torch.stack([part[name] for part in parts]) for name in parts[0]}, lengths)


def until_end(row: list[int], end: int) -> list[int]:
    """The tokens of a reply up to its end, the end included; all of them if it never ended."""
    return row[: row.index(end) + 1] if end in row else row


def _loss(
    model: CodecSense, clips: Clips, asked: Sequence[Prompt], rolled: Rollout, settings: Vanao
) -> tuple[Tensor, dict[str, float]]:
    advantages = group_advantages(rolled.rewards["total"], by=settings.advantage)
    new, said = reply_log_probabilities(model, clips, asked, rolled)
    with torch.no_grad():
        use(model.host, ["sft"])
        reference, _ = reply_log_probabilities(model, clips, asked, rolled)
        use(model.host, ["sft", "policy"])
        _only_policy_trains(model)
    loss, kl = policy_loss(
        new, new.detach(), reference, advantages.flatten(), said, clip=settings.clip, kl_weight=settings.kl_weight
    )
    logged = {name: float(values.mean()) for name, values in rolled.rewards.items()}
    silent = float((advantages.abs().sum(1) == 0).float().mean())
    length = sum(rolled.lengths) / len(rolled.lengths)
    return loss, logged | {"kl": float(kl), "unanimous_groups": silent, "reply_tokens": length}


def _only_policy_trains(model: CodecSense) -> None:
    """Waking a LoRA also makes it trainable; Stage 2's must stay as it is."""
    for name, weight in model.host.model.named_parameters():
        weight.requires_grad_(".policy." in name)


def reply_log_probabilities(
    model: CodecSense, clips: Clips, asked: Sequence[Prompt], rolled: Rollout
) -> tuple[Tensor, Tensor]:
    """Log-probability of every token of every reply, and which tokens were said: [replies, longest].

    A prompt is run once, with all its replies packed behind it.
    """
    samples = len(rolled.tokens) // len(asked)
    pictures, injected = model.senses(clips.batch(torch.tensor([prompt.row for prompt in asked])))
    starts, texts = [], []
    for number, prompt in enumerate(asked):
        starts.append(extend(model.start, prompt.ids[:-1]))
        own = rolled.tokens[number * samples : (number + 1) * samples]
        texts.append([Text(prompt.ids[-1:], tokens) for tokens in own])
    packed = pack(starts, texts, pad=model.host.tokenizer.pad_token_id)
    logits = model.host.logits(packed, pictures=pictures, injected=injected)
    scores = token_log_probabilities(logits[:, :-1], packed.ids[:, 1:])
    return _unpack(scores, packed.segments[:, 1:], packed.labels[:, 1:] >= 0, rolled.tokens, samples)


def extend(start: Prefix, ids: Sequence[int]) -> Prefix:
    """The prefix with more text behind it."""
    if start.positions is None:
        raise ValueError("a prefix needs its host's positions before it is extended")
    more = torch.arange(len(ids)) + start.positions.max() + 1
    return Prefix(
        ids=torch.cat([start.ids, torch.tensor(ids, dtype=start.ids.dtype)]),
        kinds=torch.cat([start.kinds, torch.zeros(len(ids), dtype=start.kinds.dtype)]),
        positions=torch.cat([start.positions, more.expand(len(start.positions), -1)], 1),
    )


def _unpack(
    scores: Tensor, segments: Tensor, answers: Tensor, tokens: list[list[int]], samples: int
) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in tokens)
    rows, said = [], torch.zeros(len(tokens), longest, dtype=torch.bool)
    for reply, row in enumerate(tokens):
        at = (segments[reply // samples] == reply % samples + 1) & answers[reply // samples]
        rows.append(torch.nn.functional.pad(scores[reply // samples][at], (0, longest - len(row))))
        said[reply, : len(row)] = True
    return torch.stack(rows), said
