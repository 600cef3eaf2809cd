"""How scores are printed and kept: both numbers with their intervals, the tables, and the passport beside them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from codecsense.benchmarks import SCORERS, Cell
from codecsense.evaluation import passport as passports
from codecsense.evaluation.passport import Passport
from codecsense.evaluation.scoring import Comparison, Result, Score, knowledge_gain, rows
from codecsense.evaluation.statistics import Estimate
from codecsense.schemas import scored

TRACKS = {"settings", "questions", "official_questions", "official_prompts_sha"}  # what watching or not must change


def text(result: Result) -> str:
    """The whole sheet, as lines of text."""
    passport = result.passport
    lines = [f"{result.benchmark.title}, {result.benchmark.split_name}", *_scores(result), ""]
    for scorer in SCORERS:
        lines += [f"by group, {scorer}:", *_table(result.scores[scorer].table), ""]
    lines += ["passport " + passport.sha[:16], *_passport(passport)]
    return "\n".join(lines)


def _scores(result: Result) -> Iterator[str]:
    for scorer in SCORERS:
        score, counts = result.scores[scorer], getattr(result.passport, scorer)
        yield f"  {scorer:<9}{100 * score.value:6.2f}   {score.correct} of {score.total}{_intervals(score)}"
        yield (
            f"           answered {counts.answered}, nearest {counts.nearest}, random {counts.random}, unparsed "
            f"{counts.unparsed}, empty {counts.empty}, missing {counts.missing} of {counts.total}"
        )
        for name, value in score.besides.items():
            yield f"           {name}: {value:.2f}"
    if not result.passport.complete:
        yield "  not the whole benchmark: official questions, replies or media are missing (see the passport)"


def _intervals(score: Score) -> str:
    said = [("Wilson", score.wilson), ("by video", score.clustered), ("cluster-robust", score.robust)]
    told = "".join(f"   {name} {_range(estimate)}" for name, estimate in said if estimate is not None)
    return told if score.design_effect is None else f"{told}   design effect {score.design_effect:.2f}"


def _range(estimate: Estimate) -> str:
    return f"[{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]"


def _table(cells: Sequence[Cell]) -> list[str]:
    return [f"  {cell.kind} = {cell.value}: {_share(cell)}" for cell in cells]


def _share(cell: Cell) -> str:
    return f"{100 * cell.correct / cell.total:.2f} ({cell.correct} of {cell.total})" if cell.total else "none"


def _passport(passport: Passport) -> list[str]:
    plain = {name: getattr(passport, name) for name in Passport.model_fields}
    return [f"  {name}: {passports.shown(_jsonable(value))}" for name, value in plain.items()]


def _jsonable(value: object) -> object:
    return value.model_dump() if isinstance(value, passports.Counts) else value


def comparison(first: Result, second: Result, compared: Sequence[Comparison]) -> str:
    """A baseline beside a result: what differs between the conditions first, then the difference of the scores."""
    differences = passports.compare(first.passport, second.passport)
    lines = ["against the baseline:"]
    if differences:
        lines.append("  NOT LIKE WITH LIKE, the passports differ or do not say:")
        lines += [f"    {each.field}: {each.first} | {each.second}" for each in differences]
    for each in compared:
        lines += _compared(each, first, second)
    return "\n".join(lines)


def gain(watched: Result, unwatched: Result) -> str:
    """Video-MMMU's knowledge gain by both scorers, below what differs between the two runs."""
    lines = ["knowledge gained from the video, in percent of what was not known (adaptation against question_only):"]
    differences = [each for each in passports.compare(watched.passport, unwatched.passport) if each.field not in TRACKS]
    lines += [
        f"    the passports differ or do not say: {each.field}: {each.first} | {each.second}" for each in differences
    ]
    lines += [f"  {scorer:<9}{knowledge_gain(watched, unwatched, scorer):+.2f}" for scorer in SCORERS]
    return "\n".join(lines)


def _compared(each: Comparison, first: Result, second: Result) -> Iterator[str]:
    mine, other = (100 * result.scores[each.scorer].value for result in (first, second))
    interval = f" {_range(each.difference)}" if each.difference is not None else ""
    alone = each.disagreement
    yield f"  {each.scorer:<9}{mine:6.2f} against {other:6.2f}, difference {mine - other:+.2f}{interval}"
    yield f"           right alone {alone.only_first} against {alone.only_second}, McNemar p = {alone.p_value:.3g}"
    if each.questions_needed is not None and each.power is not None:
        yield (
            f"           a true difference of this size is found {100 * each.power:.0f} times in 100; "
            f"80 times would need {each.questions_needed} independent questions"
        )


def write(result: Result, folder: Path) -> None:
    """`answers.parquet`, `scores.json` and `passport.json`; the scores name the passport that they belong to."""
    folder.mkdir(parents=True, exist_ok=True)
    scored.write(rows(result), folder / "answers.parquet")
    numbers = {scorer: _numbers(result.scores[scorer]) for scorer in SCORERS}
    _write(folder / "scores.json", {"benchmark": result.benchmark.name, "passport": result.passport.sha, **numbers})
    _write(folder / "passport.json", result.passport.model_dump(mode="json"))


def _numbers(score: Score) -> dict[str, object]:
    return {
        "value": score.value,
        "correct": score.correct,
        "total": score.total,
        "wilson": score.wilson._asdict() if score.wilson else None,
        "by_video": score.clustered._asdict() if score.clustered else None,
        "cluster_robust": score.robust._asdict() if score.robust else None,
        "design_effect": score.design_effect,
        "groups": [cell._asdict() for cell in score.table],
        "besides": score.besides,
    }


def _write(path: Path, value: object) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
