"""Unimodal baselines of the reference policy, measured once before reinforcement learning [1].

References:
    [1] HippoVLM, CVPR 2026, VANAO: p_v and p_a, accuracies over samples with one summary masked.
"""

from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

from codecsense.clips import SENSES, Clips
from codecsense.config import Config
from codecsense.model import CodecSense
from codecsense.rewards import answer
from codecsense.texts import reason_prompt
from codecsense.two_stage import Asked, Summaries, TwoStage, say, summarise


class BlindConfig(Config):
    """Section `blind` of params.yaml."""

    prompts: int  # questions drawn from the training clips
    samples: int  # replies per question and setting
    senses: bool  # a masked sense is out of the sequence as well; else its summary alone is gone, as in the paper
    temperature: float


def pieces(
    model: CodecSense, clips: Clips, questions: pl.DataFrame, settings: BlindConfig, two_stage: TwoStage, *, seed: int
) -> dict[str, Callable[[], pl.DataFrame]]:
    """Parts of the table `blind`, in order, each to be had by a call: a batch of questions, with seeds of its own."""
    seeds = -(-two_stage.batch // _prompts_at_once(settings, two_stage))
    return {
        f"questions-{start}": partial(
            baselines,
            model,
            clips,
            questions[start : start + two_stage.batch],
            settings,
            two_stage,
            seed=seed + seeds * number,
        )
        for number, start in enumerate(range(0, len(questions), two_stage.batch))
    }


def baselines(
    model: CodecSense, clips: Clips, questions: pl.DataFrame, settings: BlindConfig, two_stage: TwoStage, *, seed: int
) -> pl.DataFrame:
    """The table `blind`: summaries of each question, and accuracy without ears, without eyes, and with both."""
    items = questions.to_dicts()
    place = {clip: row for row, clip in enumerate(clips.ids)}
    asked = [Asked(place[item["clip_id"]], item["text"]) for item in items]
    told = summarise(model, clips, asked, two_stage)
    gold, columns = [item["answer"] for item in items], {}
    for name, hidden in (("p_visual", "sound"), ("p_audio", "sight"), ("p_both", None)):
        left = clips.without(*SENSES[hidden]) if hidden and settings.senses else clips
        shown = told if hidden is None else [summary.without(hidden) for summary in told]
        columns[name] = _accuracy(
            model, left, asked, shown, gold=gold, settings=settings, two_stage=two_stage, seed=seed
        )
    return questions.select("question_id", "clip_id", "text", "answer").with_columns(
        summary_visual=pl.Series([summary.seen for summary in told]),
        summary_audio=pl.Series([summary.heard for summary in told]),
        **{name: pl.Series(values) for name, values in columns.items()},
    )


def _accuracy(
    model: CodecSense,
    clips: Clips,
    asked: Sequence[Asked],
    shown: Sequence[Summaries],
    *,
    gold: Sequence[str],
    settings: BlindConfig,
    two_stage: TwoStage,
    seed: int,
) -> list[float]:
    prompts = [
        (item.row, reason_prompt(item.question, summary.seen, summary.heard))
        for item, summary in zip(asked, shown, strict=True)
    ]
    replies = say(
        model,
        clips,
        prompts,
        _prompts_at_once(settings, two_stage),
        two_stage.reply_tokens,
        samples=settings.samples,
        temperature=settings.temperature,
        seed=seed,
    )
    groups = [replies[n : n + settings.samples] for n in range(0, len(replies), settings.samples)]
    return [sum(answer(reply) == right for reply in own) / len(own) for own, right in zip(groups, gold, strict=True)]


def _prompts_at_once(settings: BlindConfig, two_stage: TwoStage) -> int:
    return max(1, two_stage.batch // settings.samples)
