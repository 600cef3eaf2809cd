"""ActivityNet-QA: 8,000 open questions, scored in one of two ways that are never mixed [1, 2].

`exact` is the official script: the predicted answer must be the annotated string. Its column "Free" divides the right
answers of types 3 to 8 by the wrong number, since it takes the types in the order in which the file happens to bring
them. `judged` reads the verdicts of a language model, made elsewhere; which model that was moves the number, so the run
must name it. A judge's text is a Python literal of two keys at most; anything else is no verdict.

References:
    [1] Yu et al., ActivityNet-QA, arXiv 1906.02467; evaluation/eval.py at b28aadd.
    [2] Maaz et al., Video-ChatGPT, arXiv 2306.05424, and the task activitynetqa of lmms-eval.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import (
    Answer,
    BenchmarkConfig,
    Cell,
    Question,
    Reply,
    Scorer,
    Unit,
    Verdict,
    cells,
    plain_rows,
    replies,
)
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._expressions import plain
from codecsense.benchmarks._letters import final

TYPES = ("motion", "spatial", "temporal", "yes/no", "color", "object", "location", "number", "other")
FREE = TYPES[3:]
VERDICT, SCORE = "pred", "score"
LONGEST_REVIEW = 500  # characters
JUDGED = ("Correctness", "review", VERDICT)  # keys of a judged row; an official one has question_id and answer alone


class Settings(BenchmarkConfig):
    """Exact match, or the verdicts of a judge."""

    title: ClassVar[str] = "ActivityNet-QA"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "activitynet-qa/eval.py@b28aadd, or a judge as lmms-eval/activitynetqa, by rule"
    strict_id: ClassVar[str] = "codecsense/words-1, or the judge's well-formed verdicts, by rule"
    name: Literal["activitynet_qa"]
    rule: Literal["exact", "judged"]

    @property
    def size(self) -> int:
        return 8000

    @property
    def needs_judge(self) -> bool:
        return self.rule == "judged"

    def read(self, annotations: Path) -> list[Question]:
        """From a folder with one *_q.json and one *_a.json, in the order of the answers."""
        asked_file, answered_file = (_only(annotations, pattern) for pattern in ("*_q.json", "*_a.json"))
        asked = {}
        for place, row in reading.rows(reading.document(asked_file), asked_file):
            asked[reading.name(row, "question_id", place)] = (place, row)
        found = []
        for place, row in reading.rows(reading.document(answered_file), answered_file):
            sample = reading.name(row, "question_id", place)
            if sample not in asked:
                raise ValueError(f"{place}: {sample!r} is not asked in {asked_file.name}")
            found.append(_question(sample, *asked[sample], answered=row, place=place))
        return found

    def read_replies(self, predictions: Path, questions: Sequence[Question]) -> dict[str, Reply]:
        """Rows of question_id and answer under `exact`; a judge's rows, or an object by question, under `judged`."""
        document = reading.document(predictions)
        rows = _judged_rows(document, predictions) if self.rule == "judged" else _exact_rows(document, predictions)
        return replies(rows, questions, predictions)

    def prompt(self, question: Question) -> str:
        return f"{question.text}? Answer the question using a single word or phrase."

    def official(self, question: Question, reply: Reply) -> Verdict:
        if self.rule == "judged":
            verdict = _verdict(reply)
            return Verdict(verdict, "ok" if verdict else "unparsed", verdict == "yes")
        status: Literal["ok", "empty"] = "ok" if reply.response else "empty"
        return Verdict(reply.response[:200], status, reply.response == question.gold)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        if self.rule == "judged":
            verdict = _verdict(reply).strip().lower()
            known = verdict in ("yes", "no") and 0 <= _points(reply) <= 5
            return Verdict(verdict, "ok" if known else "unparsed", known and verdict == "yes")
        words = plain(final(reply.response[-20_000:]))
        return Verdict(words[:200], "ok" if words else "empty", bool(words) and words == plain(question.gold))

    def table(self, units: Sequence[Unit], scorer: Scorer) -> list[Cell]:
        """By type, and all that is free; officially that is divided by the types that came fourth and later."""
        found = cells(units)
        by_type = {cell.value: cell for cell in found}
        free = [by_type[kind] for kind in FREE if kind in by_type]
        total = sum(cell.total for cell in free)
        if scorer == "official" and self.rule == "exact":
            order = list(dict.fromkeys(unit.groups["type"][0] for unit in units))
            total = sum(by_type[kind].total for kind in order[3:])
        return [*found, Cell("free", "all", sum(cell.correct for cell in free), total)]

    def besides(self, answers: Sequence[Answer], scorer: Scorer) -> dict[str, float]:
        if self.rule == "exact":
            return {}
        points = [_points(Reply(answer.response, answer.details)) for answer in answers]
        return {"mean score": sum(points) / len(points)}


def review(text: str) -> tuple[str, float]:
    """Verdict and score of a judge's text, a literal such as {'pred': 'yes', 'score': 4}; ("", 0) for any other."""
    if len(text) > LONGEST_REVIEW:
        return "", 0.0
    try:
        said = ast.literal_eval(text.strip())
        return (str(said.get(VERDICT, "no")), float(said.get(SCORE, 0))) if isinstance(said, dict) else ("", 0.0)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return "", 0.0


def _verdict(reply: Reply) -> str:
    return str(reply.details.get("verdict", ""))[:40]


def _points(reply: Reply) -> float:
    return float(str(reply.details.get("points", 0.0)))


def _exact_rows(document: Any, predictions: Path) -> Iterator[tuple[str, Reply]]:
    if isinstance(document, dict):
        raise ValueError(
            f"{predictions} is an object, as judges write; rule exact takes rows of question_id and answer"
        )
    for place, row in reading.rows(document, predictions):
        if any(key in row for key in JUDGED):
            raise ValueError(f"{place} was judged; exact and judged answers are never mixed (--rule judged)")
        if "question_id" in row:
            yield (
                reading.name(row, "question_id", place),
                Reply(reading.said(reading.needed(row, "answer", place), place)),
            )
    if document and "question_id" not in document[0]:
        yield from plain_rows(predictions)


def _judged_rows(document: Any, predictions: Path) -> Iterator[tuple[str, Reply]]:
    if isinstance(document, dict):
        for sample, entry in document.items():
            if not isinstance(entry, list) or not entry or not isinstance(entry[0], dict):
                raise ValueError(f"{predictions}, {sample} must hold a list that begins with the judge's object")
            yield sample, _judged(entry[0].get(VERDICT), entry[0].get(SCORE), entry[1:])
        return
    for place, row in reading.rows(document, predictions):
        name = reading.name(row, "question_id", place)
        if "review" in row:
            yield name, _judged(*review(reading.words(row, "review", place)), [row])
        elif "Correctness" in row:
            yield name, _judged(row["Correctness"], row.get(SCORE), [row])
        else:
            raise ValueError(f"{place} was not judged; exact and judged answers are never mixed (--rule exact)")


def _judged(verdict: Any, points: Any, rest: Sequence[Any]) -> Reply:
    said = rest[0].get("pred", "") if rest and isinstance(rest[0], dict) else ""
    number = float(points) if isinstance(points, int | float) and not isinstance(points, bool) else -1.0
    return Reply(str(said), {"verdict": verdict if isinstance(verdict, str) else "", "points": number})


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern)) if folder.is_dir() else []
    if len(found) != 1:
        raise ValueError(f"{folder} must be a folder with one file {pattern}, found {len(found)}")
    return found[0]


def _question(
    sample: str, asked_at: str, asked: Mapping[str, Any], *, answered: Mapping[str, Any], place: str
) -> Question:
    kind = reading.needed(answered, "type", place)
    if kind not in range(len(TYPES)):
        raise ValueError(f"{place}: `type` must be 0 to {len(TYPES) - 1}, found {kind!r:.20}")
    video = reading.inside(reading.words(asked, "video_name", asked_at), asked_at)
    return Question(
        sample_id=sample,
        cluster_id=video,
        text=reading.words(asked, "question", asked_at),
        gold=str(reading.needed(answered, "answer", place)),
        media=f"all_test/v_{video}.mp4",
        groups={"type": (TYPES[kind],)},
    )
