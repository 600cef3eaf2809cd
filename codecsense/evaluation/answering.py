"""What a model answers to the questions of a split: in one word at once, or in two stages.

A one-word answer is the first token of greedy decoding, so all questions of a clip are answered in one packed pass.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import polars as pl
import torch

from codecsense.clips import Clips
from codecsense.config import Config
from codecsense.model import CodecSense
from codecsense.progress import track
from codecsense.rewards import answer
from codecsense.sequence import Text
from codecsense.texts import Encoder
from codecsense.two_stage import Asked, Meter, Summaries, TwoStage, reason, summarise


class EvaluateConfig(Config):
    """Section `evaluate` of params.yaml."""

    split: str
    batch: int  # clips at a time
    two_stage_questions: int  # joint questions that a run which hears also answers in two stages


def summary(answers: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Accuracy by way of answering and question type."""
    means = answers.group_by("mode", "type").agg(pl.col("correct").mean()).sort("mode", "type")
    return {
        mode: {row["type"]: row["correct"] for row in means.filter(pl.col("mode") == mode).iter_rows(named=True)}
        for mode in means["mode"].unique().sort()
    }


class Posed(NamedTuple):
    """Which questions are put in which way."""

    directly: pl.DataFrame
    in_two_stages: pl.DataFrame


def pieces(
    model: CodecSense, clips: Clips, posed: Posed, settings: EvaluateConfig, two_stage: TwoStage, *, run: str
) -> dict[str, Callable[[], pl.DataFrame]]:
    """Parts of the table `answers`, in its order, each to be had by a call: a batch of clips, or of questions."""
    asked = set(posed.directly["clip_id"])
    names = [name for name in clips.ids if name in asked]
    found: dict[str, Callable[[], pl.DataFrame]] = {}
    for start in range(0, len(names), settings.batch):
        some = posed.directly.filter(pl.col("clip_id").is_in(names[start : start + settings.batch]))
        found[f"direct-{start}"] = partial(answer_directly, model, clips, some, run=run, batch=settings.batch)
    for start in range(0, len(posed.in_two_stages), two_stage.batch):
        some = posed.in_two_stages[start : start + two_stage.batch]
        found[f"two_stage-{start}"] = partial(_table_in_two_stages, model, clips, some, two_stage, run=run)
    return found


def answer_directly(model: CodecSense, clips: Clips, questions: pl.DataFrame, *, run: str, batch: int) -> pl.DataFrame:
    """A row of the table `answers` for each question, answered with one word."""
    encode = Encoder(model.host.tokenizer)
    by_clip = {key[0]: rows.to_dicts() for key, rows in questions.group_by("clip_id", maintain_order=True)}
    rows = torch.tensor([number for number, clip in enumerate(clips.ids) if clip in by_clip])
    said = []
    for some in track(rows.split(batch), label=f"answering: {run}"):
        asked = [by_clip[clips.ids[row]] for row in some.tolist()]
        words = first_words(model, clips, some, [[encode(item["text"]) for item in items] for items in asked])
        items = [item for items in asked for item in items]
        said += [_row(item, run, word, word, model.context_tokens) for item, word in zip(items, words, strict=True)]
    return pl.DataFrame(said)


@torch.no_grad()
def first_words(
    model: CodecSense, clips: Clips, rows: torch.Tensor, prompts: Sequence[Sequence[list[int]]]
) -> list[str]:
    """The most likely first word after each prompt, in order; special tokens are never said."""
    texts = [[Text(prompt, [model.host.specials.end]) for prompt in own] for own in prompts]
    scored = model(clips.batch(rows), texts)
    logits = scored.logits
    logits[:, list(model.host.specials)] = -torch.inf
    return [word.strip() for word in model.host.tokenizer.batch_decode(logits.argmax(-1)[:, None])]


def answer_in_two_stages(
    model: CodecSense, clips: Clips, questions: pl.DataFrame, settings: TwoStage, *, run: str
) -> tuple[pl.DataFrame, list[Summaries]]:
    """A row of the table `answers` for each question, answered from summaries; and the summaries."""
    items = questions.to_dicts()
    place = {clip: row for row, clip in enumerate(clips.ids)}
    asked = [Asked(place[item["clip_id"]], item["text"]) for item in items]
    meter = Meter()
    told = summarise(model, clips, asked, settings, meter=meter)
    replies = reason(model, clips, asked, told, settings, meter=meter)
    print(f"{run}: {len(asked)} questions; {'; '.join(meter.lines())}", flush=True)
    rows = [
        _row(item, run, reply, answer(reply), model.context_tokens, mode="two_stage")
        for item, reply in zip(items, replies, strict=True)
    ]
    return pl.DataFrame(rows), told


def _table_in_two_stages(
    model: CodecSense, clips: Clips, questions: pl.DataFrame, settings: TwoStage, *, run: str
) -> pl.DataFrame:
    return answer_in_two_stages(model, clips, questions, settings, run=run)[0]


def _row(
    item: dict[str, object], run: str, response: str, predicted: str, context: int, mode: str = "direct"
) -> dict[str, object]:
    return {
        "run": run,
        "mode": mode,
        "question_id": item["question_id"],
        "clip_id": item["clip_id"],
        "type": item["type"],
        "kind": item["kind"],
        "gold": item["answer"],
        "response": response,
        "predicted": predicted,
        "correct": predicted == item["answer"],
        "context_tokens": context,
    }
