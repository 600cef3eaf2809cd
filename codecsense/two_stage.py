"""Two-stage inference: first each sense sums up what matters to the question, then the answer comes from both [1].

References:
    [1] HippoVLM, CVPR 2026: two-stage inference pipeline.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from codecsense.clips import Clips
from codecsense.config import Config
from codecsense.model import CodecSense
from codecsense.progress import track
from codecsense.texts import NOTHING, Encoder, hear_prompt, look_prompt, reason_prompt


class TwoStage(Config):
    """How much may be said in each stage, and how many questions run at once."""

    summary_tokens: int
    reply_tokens: int
    batch: int


class Asked(NamedTuple):
    """A question about the clip in this row."""

    row: int
    question: str


class Summaries(NamedTuple):
    """What each sense says is worth knowing."""

    seen: str
    heard: str


def summarise(model: CodecSense, clips: Clips, asked: Sequence[Asked], settings: TwoStage) -> list[Summaries]:
    """The first stage for each question, greedily; an empty summary becomes `nothing`."""
    told = []
    for prompt in (look_prompt, hear_prompt):
        told.append(
            say(
                model,
                clips,
                [(item.row, prompt(item.question)) for item in asked],
                settings.batch,
                settings.summary_tokens,
            )
        )
    return [Summaries(seen or NOTHING, heard or NOTHING) for seen, heard in zip(*told, strict=True)]


def reason(
    model: CodecSense, clips: Clips, asked: Sequence[Asked], told: Sequence[Summaries], settings: TwoStage
) -> list[str]:
    """The second stage, greedily: thought, evidence and answer in their tags."""
    prompts = [
        (item.row, reason_prompt(item.question, summary.seen, summary.heard))
        for item, summary in zip(asked, told, strict=True)
    ]
    return say(model, clips, prompts, settings.batch, settings.reply_tokens)


def say(
    model: CodecSense,
    clips: Clips,
    prompts: Sequence[tuple[int, str]],
    batch: int,
    max_new_tokens: int,
    *,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[str]:
    """What the model says after each (clip row, words) prompt; `samples` replies each, in order."""
    encode, said = Encoder(model.host.tokenizer), []
    batches = [prompts[start : start + batch] for start in range(0, len(prompts), batch)]
    for number, some in enumerate(track(batches, label="saying")):
        out = model.generate(
            clips.batch(torch.tensor([row for row, _ in some])),
            [encode(words) for _, words in some],
            max_new_tokens=max_new_tokens,
            samples=samples,
            temperature=temperature,
            seed=seed + number,
        )
        said += model.host.tokenizer.batch_decode(out, skip_special_tokens=True)
    return said
