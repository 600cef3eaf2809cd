"""Scoring anyone's predictions on a benchmark: rows, two scores with their intervals, tables, and the passport.

A score with holes is not a score: questions without a reply gate it, and letting more of them pass is written into the
passport, where they count as wrong under `strict`.
"""

import hashlib
import importlib
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from pydantic import ValidationError

from codecsense.benchmarks import SCORERS, Answer, BenchmarkConfig, Cell, Question, Scorer, Unit, headline, video_mmmu
from codecsense.config import variants
from codecsense.evaluation import passport as passports
from codecsense.evaluation import statistics
from codecsense.evaluation.passport import Passport, Run
from codecsense.evaluation.statistics import Disagreement, Estimate, Resampling
from codecsense.schemas import from_rows
from codecsense.schemas.scored import Scored


class Score(NamedTuple):
    """What one scorer gives; intervals are None where too few videos would make them up."""

    scorer: Scorer
    value: float  # a share of 1
    correct: int
    total: int
    wilson: Estimate | None  # None also where accuracies are averaged: then it is not defined
    clustered: Estimate | None  # clips resampled, within each stratum where accuracies are averaged
    robust: Estimate | None  # the cluster-robust interval; None also where accuracies are averaged
    design_effect: float | None  # how many questions of these carry as much as one independent question
    table: list[Cell]
    besides: dict[str, float]


class Result(NamedTuple):
    """All that is known of one prediction file."""

    benchmark: BenchmarkConfig
    answers: list[Answer]
    scores: dict[Scorer, Score]
    passport: Passport


class Comparison(NamedTuple):
    """Two results on the same questions: the difference, who has what right alone, and what it would take to see it."""

    scorer: Scorer
    difference: Estimate | None
    disagreement: Disagreement
    questions_needed: int | None  # None where they do not differ
    power: float | None  # of this many questions to find this difference


def choose(name: str, choices: Mapping[str, object]) -> BenchmarkConfig:
    """The benchmark of this name with these choices; ValueError says which choices it has."""
    known = variants("codecsense.benchmarks")
    if name not in known:
        raise ValueError(f"no benchmark {name!r}; there are: {', '.join(known)}")
    settings: type[BenchmarkConfig] = importlib.import_module(f"codecsense.benchmarks.{name}").Settings
    try:
        return settings.model_validate({"name": name, **choices})
    except ValidationError as error:
        wrong = "; ".join(f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors())
        fields = ", ".join(f"--{field}" for field in settings.model_fields if field != "name") or "no choices"
        raise ValueError(f"{name} takes {fields} ({wrong})") from None


def score(
    benchmark: BenchmarkConfig,
    *,
    annotations: Path,
    predictions: Path,
    run: Run,
    resampling: Resampling,
    missing_allowed: int,
    media: Path | None = None,
) -> Result:
    """Both scores of a prediction file; ValueError if more questions than allowed have no reply, or no media."""
    if benchmark.needs_judge and run.judge is None:
        raise ValueError(
            "who judged the answers moves the score: name the `judge` and its version in the file of --run"
        )
    questions = benchmark.read(annotations)
    check(questions, annotations)
    said = benchmark.read_replies(predictions, questions)
    absent = _gate(questions, said.keys(), media=media, missing_allowed=missing_allowed, predictions=predictions)
    answers = [benchmark.answer(question, said.get(question.sample_id)) for question in questions]
    passport = passports.issue(
        benchmark,
        answers,
        annotations=annotations,
        predictions=predictions,
        run=run,
        media_missing=absent,
        missing_allowed=missing_allowed,
        resampling=resampling._asdict(),
    )
    scores = {scorer: _score(benchmark, answers, scorer, resampling) for scorer in SCORERS}
    return Result(benchmark, answers, scores, passport)


def check(questions: Sequence[Question], annotations: Path) -> None:
    """ValueError where annotations hold nothing, or one question twice."""
    if not questions:
        raise ValueError(f"{annotations} holds no questions")
    seen: set[str] = set()
    for question in questions:
        if question.sample_id in seen:
            raise ValueError(f"{annotations}: {question.sample_id!r} stands there twice")
        seen.add(question.sample_id)


def missing_media(questions: Sequence[Question], root: Path) -> list[str]:
    """The videos or pictures of the questions that are not below `root`, sorted."""
    return sorted({question.media for question in questions if question.media and not (root / question.media).exists()})


def _gate(
    questions: Sequence[Question], said: Container[str], *, media: Path | None, missing_allowed: int, predictions: Path
) -> int | None:
    """How many files are not on disk, None if nobody looked; ValueError if the holes are more than allowed."""
    unanswered = [question for question in questions if question.sample_id not in said]
    if len(unanswered) > missing_allowed:
        videos = len({question.cluster_id for question in unanswered})
        of = len({question.cluster_id for question in questions})
        raise ValueError(
            f"{predictions}: {len(unanswered)} of {len(questions)} questions ({videos} of {of} videos) have no reply, "
            f"the first {unanswered[0].sample_id!r}; {missing_allowed} may be missing (--allow-missing)"
        )
    if media is None:
        return None
    absent = missing_media(questions, media)
    lost = sum(question.media in set(absent) for question in questions)
    if lost > missing_allowed:
        raise ValueError(
            f"{media}: {len(absent)} files of {lost} questions are not there, the first {absent[0]!r}; "
            f"{missing_allowed} questions may miss theirs (--allow-missing)"
        )
    return len(absent)


def _score(benchmark: BenchmarkConfig, answers: Sequence[Answer], scorer: Scorer, resampling: Resampling) -> Score:
    units = benchmark.units(answers, scorer)
    correct = sum(unit.correct for unit in units)
    plain, resamplable = not benchmark.averaged_over and bool(units), _resamplable(units)
    right, clusters, _ = _columns(units)
    return Score(
        scorer=scorer,
        value=headline(units),
        correct=correct,
        total=len(units),
        wilson=statistics.wilson(correct, len(units), confidence=resampling.confidence) if plain else None,
        clustered=_interval(units, resampling) if resamplable else None,
        robust=_robust(right, clusters, resampling) if plain and resamplable else None,
        design_effect=statistics.design_effect(right, clusters) if plain and resamplable else None,
        table=benchmark.table(units, scorer),
        besides=benchmark.besides(answers, scorer),
    )


def _robust(right: np.ndarray, clusters: np.ndarray, resampling: Resampling) -> Estimate:
    return statistics.clustered(right, clusters, confidence=resampling.confidence)


def _resamplable(units: Sequence[Unit]) -> bool:
    """Whether every stratum has at least two clusters."""
    clusters: dict[str, set[str]] = {}
    for unit in units:
        clusters.setdefault(unit.stratum, set()).add(unit.cluster_id)
    return bool(clusters) and min(map(len, clusters.values())) > 1


def _interval(units: Sequence[Unit], resampling: Resampling) -> Estimate:
    correct, clusters, strata = _columns(units)
    if len(set(strata)) > 1:
        return statistics.macro(correct, clusters, strata, resampling)
    return statistics.accuracy(correct, clusters, resampling)


def _columns(units: Sequence[Unit]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([unit.correct for unit in units], dtype=bool),
        np.array([unit.cluster_id for unit in units]),
        np.array([unit.stratum for unit in units]),
    )


def compare(first: Result, second: Result, scorer: Scorer, resampling: Resampling) -> Comparison:
    """`first` against `second`, question by question; ValueError unless both answer the same questions."""
    pairs = [result.benchmark.units(result.answers, scorer) for result in (first, second)]
    shared = {unit.unit_id for unit in pairs[0]} & {unit.unit_id for unit in pairs[1]}
    mine, other = ([unit for unit in units if unit.unit_id in shared] for units in pairs)
    if [unit.unit_id for unit in mine] != [unit.unit_id for unit in other] or not mine:
        raise ValueError("the two results do not answer the same questions; score both with the same annotations")
    (right, clusters, strata), (rival, _, _) = _columns(mine), _columns(other)
    disagreement = statistics.mcnemar(first=right, second=rival)
    gap = (int(right.sum()) - int(rival.sum())) / len(right)
    discordant = (disagreement.only_first + disagreement.only_second) / len(right)
    confidence = resampling.confidence
    return Comparison(
        scorer=scorer,
        difference=_difference(right, rival, clusters, strata, resampling) if _resamplable(mine) else None,
        disagreement=disagreement,
        questions_needed=statistics.questions_needed(gap, discordant, confidence=confidence, power=0.8)
        if gap
        else None,
        power=statistics.power_of(gap, discordant, questions=len(right), confidence=confidence) if gap else None,
    )


def _difference(
    right: np.ndarray, rival: np.ndarray, clusters: np.ndarray, strata: np.ndarray, resampling: Resampling
) -> Estimate:
    if len(set(strata)) > 1:
        return statistics.paired_macro_difference(
            first=right, second=rival, clips=clusters, strata=strata, resampling=resampling
        )
    return statistics.paired_difference(first=right, second=rival, clips=clusters, resampling=resampling)


def knowledge_gain(watched: Result, unwatched: Result, scorer: Scorer) -> float:
    """Of Video-MMMU: what of the adaptation track was learned by watching, in percent of what was not known before.

    `unwatched` is the result on the questions alone; both must answer the same questions.
    """
    strata = [
        {unit.unit_id: unit for unit in each.benchmark.units(each.answers, scorer)} for each in (watched, unwatched)
    ]
    adapted = {name: unit.correct for name, unit in strata[0].items() if unit.stratum == "Adaptation"}
    alone = {name: unit.correct for name, unit in strata[1].items() if unit.stratum == "Adaptation"}
    asked = [
        {answer.question.sample_id for answer in each.answers if answer.question.groups["track"] == ("Adaptation",)}
        for each in (watched, unwatched)
    ]
    if asked[0] != asked[1] or not (adapted and alone):
        raise ValueError("both results must answer the same questions of the track Adaptation")
    shares = [100 * sum(own.values()) / len(own) for own in (adapted, alone)]
    return video_mmmu.knowledge_gain(*shares)


def rows(result: Result) -> pl.DataFrame:
    """The table `scored`: one row per question."""
    passport, benchmark = result.passport, result.benchmark
    common = {
        "benchmark": benchmark.name,
        "split": benchmark.split_name,
        "extractor_official": benchmark.official_id,
        "extractor_strict": benchmark.strict_id,
        "frames_used": passport.frames,
        "ctx_tokens": None if passport.context_tokens is None else round(passport.context_tokens),
        "ttft_s": None,
        "decode_s": None,
        "judge_id": passport.judge,
    }
    return from_rows(Scored, [{**common, **_row(benchmark, answer)} for answer in result.answers])


def _row(benchmark: BenchmarkConfig, answer: Answer) -> dict[str, object]:
    question = answer.question
    return {
        "sample_id": question.sample_id,
        "cluster_id": question.cluster_id,
        "response_raw": answer.response,
        "extracted_official": answer.official.extracted,
        "extracted_strict": answer.strict.extracted,
        "gold": question.gold,
        "correct_official": answer.official.correct,
        "correct_strict": answer.strict.correct,
        "counted_official": answer.official.counted,
        "status_official": answer.official.status,
        "status_strict": answer.strict.status,
        "n_options": len(question.options),
        "prompt_sha": hashlib.sha256(benchmark.prompt(question).encode("utf-8", "surrogatepass")).hexdigest(),
    }
