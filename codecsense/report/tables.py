"""Answers of all runs -> the numbers of the report, as frames with one row per cell.

A frame here is long and complete (value, interval, counts); how it is laid out on a page is the page's affair.

Columns:
    run, mode   the variant    type  static | hidden | audio | joint | all    clips, questions  how many it rests on
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from codecsense.evaluation.statistics import Estimate, Resampling, accuracy, mcnemar, paired_difference
from codecsense.schemas.answers import Answers
from codecsense.schemas.questions import TYPES, Questions

ALL = "all"
DIRECT = "direct"
PRIOR = "most frequent answer"


class Variant(NamedTuple):
    """A run answering in one mode."""

    run: str
    mode: str

    @property
    def label(self) -> str:
        """The run's name; the mode is said only where it is not the plain one."""
        return self.run if self.mode == DIRECT else f"{self.run}, {self.mode.replace('_', ' ')}"


def variants(answers: pl.DataFrame) -> list[Variant]:
    """The variants in the order of their first row."""
    pairs = answers.select(Answers.run, Answers.mode).unique(maintain_order=True)
    return [Variant(*row) for row in pairs.iter_rows()]


def together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All answers in one frame; ValueError if two variants of a mode did not answer the same questions of a type."""
    answers = pl.concat(frames)
    expected: dict[tuple[str, str], tuple[Variant, set[str]]] = {}
    for variant in variants(answers):
        for kind, mine in _by_type(of(answers, variant)):
            found = set(mine[Answers.question_id])
            first, questions = expected.setdefault((variant.mode, kind), (variant, found))
            if found != questions:
                raise ValueError(
                    f"`{variant.label}` and `{first.label}` did not answer the same {kind} questions ({len(found)} and "
                    f"{len(questions)}, such as {min(found ^ questions)}); evaluate both again: dvc repro -f "
                    f"evaluate@{variant.run} evaluate@{first.run}"
                )
    return answers


def of(answers: pl.DataFrame, variant: Variant) -> pl.DataFrame:
    """The rows of one variant, in the order of the questions' names, so that two variants align."""
    mine = (pl.col(Answers.run) == variant.run) & (pl.col(Answers.mode) == variant.mode)
    return answers.filter(mine).sort(Answers.question_id)


def accuracies(answers: pl.DataFrame, resampling: Resampling) -> pl.DataFrame:
    """Accuracy of every variant on every type, its interval over clips, and the mean length of its context."""
    rows = [
        {
            "run": variant.run,
            "mode": variant.mode,
            "type": kind,
            "questions": len(mine),
            "clips": mine[Answers.clip_id].n_unique(),
            **_named("accuracy", accuracy(_right(mine), _clips(mine), resampling)),
            "context_tokens": mine[Answers.context_tokens].cast(pl.Float64).mean(),
        }
        for variant in variants(answers)
        for kind, mine in _by_type(of(answers, variant))
    ]
    return pl.DataFrame(rows)


def by_kind(answers: pl.DataFrame) -> pl.DataFrame:
    """Accuracy of every variant on every kind of question within its type; no intervals, many cells."""
    keys = [Answers.run, Answers.mode, Answers.type, Answers.kind]
    cells = answers.group_by(keys, maintain_order=True)
    return cells.agg(accuracy=pl.col(Answers.correct).mean(), questions=pl.len())


def differences(answers: pl.DataFrame, *, against: str, resampling: Resampling) -> pl.DataFrame:
    """Paired difference of every other variant to `against` on every type, with McNemar's test beside it.

    Like is compared with like: a variant of another mode meets `against` in that mode, if it answered in it.
    """
    known = variants(answers)
    rows = []
    for variant in known:
        other = Variant(against, variant.mode if (against, variant.mode) in known else DIRECT)
        if variant != other:
            for kind, pair in _pairs(answers, variant, other):
                cells = {"run": variant.run, "mode": variant.mode, "against": other.run, "against_mode": other.mode}
                rows.append({**cells, "type": kind, **_compared(pair, resampling)})
    return pl.DataFrame(rows)


def difference(
    answers: pl.DataFrame, first: Variant, second: Variant, *, kind: str, resampling: Resampling
) -> Estimate:
    """Accuracy of `first` minus that of `second` on the questions of one type that both answered, over clips."""
    known = variants(answers)
    for variant in (first, second):
        if variant not in known:
            raise ValueError(f"no answers of `{variant.label}`; there are: {', '.join(each.label for each in known)}")
    pairs = dict(_pairs(answers, first, second))
    if kind not in pairs:
        raise ValueError(f"`{first.label}` and `{second.label}` share no {kind} questions, only {', '.join(pairs)}")
    return paired_difference(**_columns(pairs[kind]), resampling=resampling)


def prior(questions: pl.DataFrame, answered: pl.DataFrame) -> dict[str, float]:
    """Accuracy by type of a model that has read no clip: the commonest training answer of each kind."""
    train = questions.filter(pl.col(Questions.split) == "train")
    key = [Questions.type, Questions.kind]
    counts = train.group_by(*key, Questions.answer).len().sort("len", Questions.answer, descending=[True, False])
    commonest = counts.group_by(key, maintain_order=True).first().select(*key, guess=Questions.answer)
    asked = answered.join(commonest, on=key, how="left").with_columns(hit=pl.col("guess") == pl.col(Answers.gold))
    hits = asked.with_columns(pl.col("hit").fill_null(value=False))
    return {kind: float(np.mean(mine["hit"].to_numpy())) for kind, mine in _by_type(hits)}


def _pairs(answers: pl.DataFrame, first: Variant, second: Variant) -> Iterator[tuple[str, pl.DataFrame]]:
    """By type, the questions that both variants answered, with whether each was right."""
    theirs = of(answers, second).select(Answers.question_id, second=Answers.correct)
    return _by_type(of(answers, first).join(theirs, on=Answers.question_id, maintain_order="left"))


def _compared(pair: pl.DataFrame, resampling: Resampling) -> dict[str, float | int | bool]:
    answers = _columns(pair)
    estimate = paired_difference(**answers, resampling=resampling)
    test = mcnemar(first=answers["first"], second=answers["second"])
    return {**_named("difference", estimate), "decided": estimate.decided, "questions": len(pair), **test._asdict()}


def _columns(pair: pl.DataFrame) -> dict[str, np.ndarray]:
    return {"first": _right(pair), "second": pair["second"].to_numpy(), "clips": _clips(pair)}


def _by_type(answers: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each type that has any, and all rows where there is more than one type."""
    present = [kind for kind in TYPES if kind in set(answers[Answers.type])]
    for kind in present:
        yield kind, answers.filter(pl.col(Answers.type) == kind)
    if len(present) > 1:
        yield ALL, answers


def _right(answers: pl.DataFrame) -> np.ndarray:
    return answers[Answers.correct].to_numpy()


def _clips(answers: pl.DataFrame) -> np.ndarray:
    return answers[Answers.clip_id].cast(pl.Categorical).to_physical().to_numpy()


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, "low": estimate.low, "high": estimate.high}
