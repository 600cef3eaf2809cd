"""The questions that are put: nearly all for training, a small balanced choice for validation and test.

Some kinds (who, where) can be asked of a clip far more often than others (which way, how many). A cap per kind keeps
them from crowding training; where accuracy is measured, kinds take turns until a type has its share.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple
from zlib import crc32

import numpy as np
import polars as pl
from pydantic import Field, PositiveInt

from codecsense.config import Config
from codecsense.schemas import from_rows
from codecsense.schemas.captions import Captions
from codecsense.schemas.questions import Questions
from codecsense.schemas.rationales import Rationales
from codecsense.world import NUM_INTERVALS
from codecsense.world.questions import OPTIONS, Clip, Question, ask, audio_caption, visual_caption
from codecsense.world.rationales import rationale

Type = Literal["static", "hidden", "audio", "joint"]


class DatasetConfig(Config):
    """Section `dataset`: how many questions a clip is asked."""

    seed: int = Field(ge=0)
    train_most_per_kind: PositiveInt  # of one type and kind, per clip
    evaluated_per_type: dict[Type, PositiveInt]  # per clip of validation and test


class Put(NamedTuple):
    """A question that is put about a clip."""

    question_id: str
    clip: Clip
    question: Question


def put(clips: Sequence[Clip], dataset: DatasetConfig) -> list[Put]:
    """The questions that are put about these clips."""
    chosen = []
    for clip in clips:
        everything = ask(clip, seed=dataset.seed)
        for number in _chosen(clip, everything, dataset):
            chosen.append(Put(f"{clip.clip_id}_{number:03d}", clip, everything[number]))
    return chosen


def questions(asked: Sequence[Put]) -> pl.DataFrame:
    """The table of questions."""
    rows = [
        {
            "question_id": question_id,
            "clip_id": clip.clip_id,
            "split": clip.split,
            "type": question.type,
            "kind": question.kind,
            "interval": question.interval,
            "text": question.text,
            "answer": question.answer,
            "options": list(OPTIONS[question.kind]),
        }
        for question_id, clip, question in asked
    ]
    return from_rows(Questions, rows)


def rationales(asked: Sequence[Put]) -> pl.DataFrame:
    """The table of rationales: one for each joint question."""
    rows = [
        {
            "question_id": question_id,
            "clip_id": clip.clip_id,
            "split": clip.split,
            **rationale(clip, question)._asdict(),
        }
        for question_id, clip, question in asked
        if question.type == "joint"
    ]
    return from_rows(Rationales, rows)


def captions(clips: Sequence[Clip]) -> pl.DataFrame:
    """The table of captions of these clips."""
    rows = [
        {
            "clip_id": clip.clip_id,
            "split": clip.split,
            "interval": interval,
            "modality": modality,
            "text": caption(clip, interval),
        }
        for clip in clips
        for interval in range(NUM_INTERVALS)
        for modality, caption in (("visual", visual_caption), ("audio", audio_caption))
    ]
    return from_rows(Captions, rows)


def priors(questions: pl.DataFrame) -> pl.DataFrame:
    """Per type and kind: how many questions, and how often the commonest answer is right."""
    return (
        questions.group_by("type", "kind", "answer")
        .len()
        .group_by("type", "kind")
        .agg(questions=pl.col("len").sum(), commonest=pl.col("len").max() / pl.col("len").sum())
        .sort("type", "kind")
    )


def _chosen(clip: Clip, questions: list[Question], dataset: DatasetConfig) -> list[int]:
    """Positions of the questions that are put, ascending."""
    random = np.random.default_rng([dataset.seed, crc32(clip.clip_id.encode()), 1])
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in random.permutation(len(questions)):
        kinds[questions[number].type, questions[number].kind].append(int(number))
    if clip.split == "train":
        return sorted(number for each in kinds.values() for number in each[: dataset.train_most_per_kind])
    return sorted(
        number
        for type_, share in dataset.evaluated_per_type.items()
        for number in _in_turns([numbers for (of, _), numbers in kinds.items() if of == type_])[:share]
    )


def _in_turns(piles: list[list[int]]) -> list[int]:
    """One of each pile, then another of each, until all are taken."""
    longest = max((len(pile) for pile in piles), default=0)
    return [pile[turn] for turn in range(longest) for pile in piles if turn < len(pile)]
