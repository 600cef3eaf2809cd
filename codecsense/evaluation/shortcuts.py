"""Does a model reason from both senses, or does it follow one: answers with a sense hidden, and whom they agree with.

Hidden means gone: no token of that sense is in the sequence, and `nothing` stands for its summary. Where sight alone
and sound alone lead to different answers, and the one of a sense is wrong, a model that gives that answer all the same
has taken a shortcut [1, the modality collapse that VANAO is to prevent].

Shapes:
    questions  in one order for all arguments

References:
    [1] HippoVLM, CVPR 2026.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool, Shaped

from codecsense.clips import SENSES, Clips
from codecsense.model import CodecSense
from codecsense.rewards import answer
from codecsense.two_stage import Asked, TwoStage, reason, summarise


def answer_deprived(
    model: CodecSense, clips: Clips, questions: pl.DataFrame, settings: TwoStage, *, run: str
) -> pl.DataFrame:
    """The table `shortcuts`: every question in two stages with nothing hidden, without sight and without sound."""
    items = questions.to_dicts()
    place = {clip: row for row, clip in enumerate(clips.ids)}
    asked = [Asked(place[item["clip_id"]], item["text"]) for item in items]
    frames = [_frame(items, run, "nothing", _replies(model, clips, asked, settings, None))]
    for sense, modalities in SENSES.items():
        replies = _replies(model, clips.without(*modalities), asked, settings, sense)
        frames.append(_frame(items, run, sense, replies))
    return pl.concat(frames)


def _replies(
    model: CodecSense, clips: Clips, asked: Sequence[Asked], settings: TwoStage, hidden: str | None
) -> list[str]:
    told = summarise(model, clips, asked, settings)
    if hidden is not None:
        told = [summary.without(hidden) for summary in told]
    return reason(model, clips, asked, told, settings)


def _frame(items: Sequence[dict[str, str]], run: str, hidden: str, replies: Sequence[str]) -> pl.DataFrame:
    rows = [
        {
            "run": run,
            "hidden": hidden,
            "question_id": item["question_id"],
            "clip_id": item["clip_id"],
            "kind": item["kind"],
            "gold": item["answer"],
            "response": reply,
            "predicted": answer(reply),
            "correct": answer(reply) == item["answer"],
        }
        for item, reply in zip(items, replies, strict=True)
    ]
    return pl.DataFrame(rows)


def conflicts(
    *,
    alone: Shaped[np.ndarray, " questions"],
    other: Shaped[np.ndarray, " questions"],
    gold: Shaped[np.ndarray, " questions"],
) -> Bool[np.ndarray, " questions"]:
    """Where one sense `alone` gives a wrong answer, and not the one that the `other` alone gives."""
    return np.asarray((alone != gold) & (alone != other) & (alone != ""), dtype=bool)
