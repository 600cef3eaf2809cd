"""The RL loop: sample a group of reasoned replies per prompt, reward them, climb, stay near the reference.

The policy is a LoRA on top of Stage 2's; the reference is the same model with that LoRA asleep, so nothing is
copied. Senses and encoders are frozen. With VANAO's rewards this is VANAO, with accuracy, format and length GRPO;
with `objective: dpo` it learns from pairs of the same kind of rollouts, drawn from the reference, instead.

A rollout serves `updates` descents; beyond the first the policy has moved away from what sampled it, and clipping
holds it. A kill between two of them finds the rollout again on disk.

References:
    [1] HippoVLM, CVPR 2026, VANAO; recipe: G = 4, KL to the reference, AdamW, warm-up then cosine.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
import torch
from pydantic import Field
from torch import Tensor

from codecsense.clips import Clips
from codecsense.config import Annotated, Config, SerializeAsAny, pick
from codecsense.model import CodecSense
from codecsense.rewards import RewardConfig, answer
from codecsense.scratch import load_state, save_state
from codecsense.texts import Encoder, reason_prompt
from codecsense.training.loop import Watch, run
from codecsense.training.lora import LoRAConfig, use
from codecsense.training.lora import add as add_lora
from codecsense.training.policy import Normalisation, dpo_loss, extremes, group_advantages, policy_loss
from codecsense.training.rollouts import Prompt, Read, Rollout, Sampling, log_probabilities, read, roll
from codecsense.training.schedule import Optimiser, OptimiserConfig


class Vanao(Config):
    """Section `vanao` of params.yaml."""

    start: str  # the run of `runs` whose Stage 2 the policy starts from
    objective: Literal["grpo", "dpo"]
    steps: int
    updates: int = Field(ge=1)  # descents per rollout
    prompts: int
    samples: int
    least_sure: float  # prompts on which the reference is right less often are left out
    most_sure: float  # and those on which it is right more often
    held_out: int  # prompts of clips of their own, on which accuracy is measured while the policy trains; 0: none
    validate_every: int  # steps between two such measurements
    temperature: float
    max_new_tokens: int
    rewards: list[Annotated[SerializeAsAny[RewardConfig], pick("codecsense.rewards")]]
    advantage: Normalisation
    clip: float
    kl_weight: float
    dpo_beta: float
    lora: LoRAConfig
    learning_rate: float
    dump_every: int  # steps between two dumps of all that was sampled; 0 dumps nothing
    save_every_s: float
    optimiser: OptimiserConfig


class Prompts(NamedTuple):
    """What the policy is trained on, and what it is measured on."""

    train: list[Prompt]
    held_out: list[Prompt]


class Held(NamedTuple):
    """A rollout, by whose policy each token was sampled how likely, and what the reference thinks of it."""

    chosen: list[int]
    rolled: Rollout
    old: Tensor
    reference: Tensor


def prompts_of(model: CodecSense, clips: Clips, measured: pl.DataFrame, settings: Vanao) -> Prompts:
    """The prompts from which there is something to learn: the reference is neither always right nor always wrong.

    `held_out` prompts or a few more are taken away before, clip by clip, sure or not.
    """
    encode, place = Encoder(model.host.tokenizer), {clip: row for row, clip in enumerate(clips.ids)}
    aside = _aside(measured, settings.held_out)
    rest = measured.filter(~pl.col("clip_id").is_in(aside))
    unsure = rest.filter(pl.col("p_both").is_between(settings.least_sure, settings.most_sure))
    if len(unsure) < settings.prompts:
        raise ValueError(
            f"only {len(unsure)} of {len(rest)} prompts have an accuracy between vanao.least_sure "
            f"{settings.least_sure} and vanao.most_sure {settings.most_sure}, fewer than vanao.prompts "
            f"{settings.prompts}; widen the bounds or raise blind.prompts"
        )

    def made(rows: pl.DataFrame) -> list[Prompt]:
        return [
            Prompt(
                row=place[row["clip_id"]],
                ids=encode(reason_prompt(row["text"], row["summary_visual"], row["summary_audio"])),
                gold=row["answer"],
                blind_visual=row["p_visual"],
                blind_audio=row["p_audio"],
            )
            for row in rows.sort("question_id").iter_rows(named=True)
        ]

    return Prompts(made(unsure), made(measured.filter(pl.col("clip_id").is_in(aside))))


def _aside(measured: pl.DataFrame, count: int) -> list[str]:
    """The first clips that have `count` prompts together."""
    clips: list[str] = []
    found = 0
    for clip, rows in measured.sort("question_id").group_by("clip_id", maintain_order=True):
        if found >= count:
            break
        clips.append(str(clip[0]))
        found += len(rows)
    return clips


def fit(
    model: CodecSense, clips: Clips, prompts: Prompts, settings: Vanao, *, seed: int, state_file: Path
) -> list[dict[str, float]]:
    """Train LoRA `policy` on the prompts; returns the curve with every reward's mean and the KL.

    What was sampled is dumped to `samples_of(state_file)`.
    """
    lora = add_lora(model.host, "policy", settings.lora, seed=seed)
    optimiser = Optimiser([(lora, settings.learning_rate)], settings.optimiser, steps=settings.steps)
    watch = None
    if prompts.held_out:
        watch = Watch(lambda: measure(model, clips, prompts.held_out, settings), every=settings.validate_every)
    return run(
        _stepping(model, clips, prompts.train, settings, state_file),
        optimiser=optimiser,
        weights={name: weight for name, weight in model.named_parameters() if weight.requires_grad},
        steps=settings.steps,
        seed=seed,
        state_file=state_file,
        save_every_s=settings.save_every_s,
        label="vanao",
        watch=watch,
    )


def samples_of(state_file: Path) -> Path:
    """The folder in which a loop dumps what was sampled, beside its state."""
    return state_file.with_suffix(".samples")


def measure(model: CodecSense, clips: Clips, asked: Sequence[Prompt], settings: Vanao) -> dict[str, float]:
    """Share of the likeliest replies to these prompts that are right."""
    right = 0
    for first in range(0, len(asked), settings.prompts):
        some = asked[first : first + settings.prompts]
        greedy = Sampling(1, 0.0, settings.max_new_tokens)
        rolled = roll(model, read(model, clips, some), some, [], greedy, seed=0)
        words = model.host.tokenizer.batch_decode(rolled.tokens, skip_special_tokens=True)
        right += sum(answer(reply) == prompt.gold for reply, prompt in zip(words, some, strict=True))
    return {"held_out_accuracy": right / len(asked)}


def _stepping(
    model: CodecSense, clips: Clips, prompts: Sequence[Prompt], settings: Vanao, state_file: Path
) -> Callable[[int, torch.Generator], tuple[Tensor, dict[str, float]]]:
    """The step of the loop. Every `updates` steps it samples; what it sampled serves until it samples again."""
    loss_of = {"grpo": _grpo, "dpo": _dpo}[settings.objective]
    file = state_file.with_suffix(".rollout")
    held: list[Held] = []

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if number % settings.updates == 0:
            chosen = torch.randperm(len(prompts), generator=generator)[: settings.prompts].tolist()
            seed = int(torch.randint(2**31, (), generator=generator))
            asked = [prompts[index] for index in chosen]
            seen = read(model, clips, asked)
            held[:] = [_sample(model, seen, asked, chosen, settings, seed)]
            _keep(held[0], file, settings)
            _dump(model, held[0], asked, samples_of(state_file), number, settings)
        else:
            held[:] = held or [_kept(file)]
            asked = [prompts[index] for index in held[0].chosen]
            seen = read(model, clips, asked)
        new, said = log_probabilities(model, seen, asked, held[0].rolled.tokens)
        loss, logged = loss_of(new, said, held[0], settings)
        return loss, logged | _shares(held[0])

    return step


def _sample(model: CodecSense, seen: Read, asked: list[Prompt], chosen: list[int], settings: Vanao, seed: int) -> Held:
    sampling = Sampling(settings.samples, settings.temperature, settings.max_new_tokens)
    with torch.no_grad():
        if settings.objective == "dpo":
            with asleep(model):
                rolled = roll(model, seen, asked, settings.rewards, sampling, seed=seed)
        else:
            rolled = roll(model, seen, asked, settings.rewards, sampling, seed=seed)
        with asleep(model):
            reference, _ = log_probabilities(model, seen, asked, rolled.tokens)
        old = reference
        if settings.updates > 1 and settings.objective == "grpo":
            old, _ = log_probabilities(model, seen, asked, rolled.tokens)
    return Held(chosen, rolled, old, reference)


@contextmanager
def asleep(model: CodecSense) -> Iterator[None]:
    """While inside, the model is the reference: the policy does not act."""
    use(model.host, ["sft"])
    try:
        yield
    finally:
        use(model.host, ["sft", "policy"])
        for name, weight in model.host.model.named_parameters():  # waking a LoRA also makes it trainable
            weight.requires_grad_(".policy." in name)


def _grpo(new: Tensor, said: Tensor, held: Held, settings: Vanao) -> tuple[Tensor, dict[str, float]]:
    advantages = group_advantages(held.rolled.rewards["total"], by=settings.advantage)
    old = new.detach() if settings.updates == 1 else held.old
    loss, kl = policy_loss(
        new, old, held.reference, advantages.flatten(), said, clip=settings.clip, kl_weight=settings.kl_weight
    )
    outside = ((new.detach() - old).exp() - 1).abs() > settings.clip
    silent = float((advantages.abs().sum(1) == 0).float().mean())
    beyond = float(outside[said].float().mean())
    return loss, {"kl": float(kl), "unanimous_groups": silent, "beyond_clip": beyond}


def _dpo(new: Tensor, said: Tensor, held: Held, settings: Vanao) -> tuple[Tensor, dict[str, float]]:
    better, worse, differs = extremes(held.rolled.rewards["total"])
    own, kept = (new * said).sum(1).view(better.shape[0], -1), (held.reference * said).sum(1).view(better.shape[0], -1)
    best, worst = better[:, None], worse[:, None]
    loss, right = dpo_loss(
        chosen=own.gather(1, best)[differs, 0],
        rejected=own.gather(1, worst)[differs, 0],
        reference_chosen=kept.gather(1, best)[differs, 0],
        reference_rejected=kept.gather(1, worst)[differs, 0],
        beta=settings.dpo_beta,
    )
    away = held.reference - new.detach()
    kl = float(((away.exp() - away - 1) * said).sum() / said.sum())
    return loss, {"kl": kl, "unanimous_groups": float((~differs).float().mean()), "preferred": float(right)}


def _shares(held: Held) -> dict[str, float]:
    logged = {name: float(values.mean()) for name, values in held.rolled.rewards.items()}
    lengths = [len(row) for row in held.rolled.tokens]
    return logged | {"reply_tokens": sum(lengths) / len(lengths)}


def _keep(held: Held, file: Path, settings: Vanao) -> None:
    if settings.updates > 1:
        save_state({**held._asdict(), "rolled": held.rolled._asdict()}, file)


def _kept(file: Path) -> Held:
    state = load_state(file)
    if state is None:
        raise ValueError(f"{file} is gone, so the loop cannot go on between two descents; remove its state as well")
    return Held(state["chosen"], Rollout(**state["rolled"]), state["old"], state["reference"])


def _dump(model: CodecSense, held: Held, asked: Sequence[Prompt], folder: Path, number: int, settings: Vanao) -> None:
    """One JSON line per reply: prompt, reply, what is right and what each reward paid."""
    if not settings.dump_every or number % settings.dump_every:
        return
    folder.mkdir(parents=True, exist_ok=True)
    decode, lines = model.host.tokenizer.decode, []
    for reply, tokens in enumerate(held.rolled.tokens):
        prompt, own = divmod(reply, settings.samples)
        earned = {name: round(float(values[prompt, own]), 6) for name, values in held.rolled.rewards.items()}
        shown = {"prompt": decode(asked[prompt].ids), "reply": decode(tokens), "gold": asked[prompt].gold}
        lines.append(json.dumps({"step": number, **shown, **earned}))
    (folder / f"step_{number:06d}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
