"""Answers of several runs and seeds -> the numbers of a group, one record per row and column."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float

from codecsense.evaluation.statistics import Estimate
from codecsense.papers.estimates import Part, total
from codecsense.papers.groups import Group, Row, Shown
from codecsense.schemas.answers import Answers

TWO_STAGE = "two_stage"  # costs so much that every seed is asked some questions of its own draw
QUANTILES = (5, 25, 50, 75, 95)  # of a distribution, in per cent
Seeded = Sequence[pl.DataFrame]  # the answers of one run, a frame per seed


class Number(NamedTuple):
    """Accuracy of a row on some questions, and its paired difference to the row that it is held against."""

    row: str
    shown: Shown
    accuracy: Estimate
    difference: Estimate | None  # none for that row itself, and across bases, whose questions differ
    questions: int
    context_tokens: float
    rival: bool = False


def of_group(group: Group, answers: Mapping[str, Seeded], *, confidence: float) -> list[Number]:
    """The numbers of every row that has answers, in the order of the group."""
    found = []
    for name, row in group.rows.items():
        if name not in answers:
            continue
        other = group.reference(name)
        for shown in group.shown:
            mine = asked(answers[name], row, shown)
            if not mine[0].height:
                continue
            difference = None
            if other is not None and other in answers:
                theirs = asked(answers[other], group.rows[other], shown)
                pair = _in_common(mine, theirs) if row.rival or group.rows[other].rival else (mine, theirs)
                less = _less(*pair, f"{name} and {other}", drawn=row.mode == TWO_STAGE)
                difference = total([less], confidence=confidence)
            tokens = float(np.mean([frame[Answers.context_tokens].to_numpy().mean() for frame in mine]))
            accuracy = _share(total([part(mine, drawn=row.mode == TWO_STAGE)], confidence=confidence))
            found.append(Number(name, shown, accuracy, difference, mine[0].height, tokens, row.rival is not None))
    return found


def _share(found: Estimate) -> Estimate:
    """An interval that ends where an accuracy does."""
    return Estimate(found.value, max(0.0, found.low), min(1.0, found.high))


def asked(answers: Seeded, row: Row, shown: Shown) -> list[pl.DataFrame]:
    """The answers of a row to the questions of a column, in the order of the questions' names."""
    wanted = (pl.col(Answers.mode) == row.mode) & (pl.col(Answers.type) == shown.type)
    if shown.kind is not None:
        wanted &= pl.col(Answers.kind) == shown.kind
    return [frame.filter(wanted).sort(Answers.question_id) for frame in answers]


def part(frames: Seeded, sign: float = 1.0, *, drawn: bool = False) -> Part:
    """Right and wrong as numbers, a row per seed; `drawn` where every seed is asked questions of its own draw."""
    return _as_part(frames, [sign * _right(frame) for frame in frames], drawn=drawn)


def _in_common(mine: Seeded, theirs: Seeded) -> tuple[Seeded, Seeded]:
    """What both were asked: a rival is tried on the first clips of the split alone."""
    names = set(mine[0][Answers.question_id]) & set(theirs[0][Answers.question_id])
    one, other = (
        [each.filter(pl.col(Answers.question_id).is_in(names)) for each in frames] for frames in (mine, theirs)
    )
    return one, other


def _less(mine: Seeded, theirs: Seeded, who: str, *, drawn: bool) -> Part:
    if any(
        one[Answers.question_id].to_list() != other[Answers.question_id].to_list()
        for one, other in zip(mine, theirs, strict=True)
    ):
        raise ValueError(f"{who} did not answer the same questions; evaluate both again")
    values = [_right(one) - _right(other) for one, other in zip(mine, theirs, strict=True)]
    return _as_part(mine, values, drawn=drawn)


def _as_part(frames: Seeded, values: Sequence[Float[np.ndarray, " _"]], *, drawn: bool) -> Part:
    asked = [frame[Answers.question_id].to_list() for frame in frames]
    if not drawn and any(each != asked[0] for each in asked):
        raise ValueError("the seeds did not answer the same questions; evaluate them again")
    clips = {name: clip for frame in frames for name, clip in frame.select("question_id", "clip_id").iter_rows()}
    place = {name: number for number, name in enumerate(sorted(clips))}
    table = np.full((len(frames), len(clips)), np.nan)
    for row, names, own in zip(table, asked, values, strict=True):
        row[[place[name] for name in names]] = own
    return Part(table, np.array([clips[name] for name in place]))


def _right(frame: pl.DataFrame) -> Float[np.ndarray, " questions"]:
    return frame[Answers.correct].to_numpy().astype(np.float64)


def spread(shares: pl.DataFrame) -> pl.DataFrame:
    """Of what `gates.shares` says, mean and quantiles by kind and stream: columns mean, p5 to p95, and count."""
    share = pl.col("share")
    quantiles = {f"p{part}": share.quantile(part / 100, "linear") for part in QUANTILES}
    cells = shares.group_by("kind", "stream", maintain_order=True)
    return cells.agg(mean=share.mean(), **quantiles, count=pl.len())
