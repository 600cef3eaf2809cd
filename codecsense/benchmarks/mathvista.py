"""MathVista testmini: 1,000 questions about pictures, of choice or with a number or a list as answer [1].

Official scoring never abstains where there are choices: an extraction that is no letter is taken for the choice
nearest to it by edit distance, which gives away about one in so many. The rule for whole numbers changed: in 2023 an
extraction had to read as `int(x)`, today as `int(float(x))`, so results published then need the old rule. Extraction
is done by a language model outside; where a submission has none, only the script's own short cuts are tried. An
extraction longer than `LONGEST` is no answer.

References:
    [1] Lu et al., MathVista, arXiv 2310.02255; evaluation/calculate_score.py, extract_answer.py and build_query.py.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import LETTERS, BenchmarkConfig, Question, Reply, Verdict, lettered, plain_rows
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._expressions import only_number
from codecsense.benchmarks._letters import committed, final, unread

LONGEST = 5_000  # characters of an extraction
BRACKETED = re.compile(r"\(([a-zA-Z])\)")
QUOTED = re.compile(r'The answer is "([^\n]*)"\.')
HINTS = {
    ("multi_choice", "text", None): "provide the correct option letter, e.g., A, B, C, D, at the end.",
    (
        "free_form",
        "integer",
        None,
    ): "requiring an integer answer and provide the final value, e.g., 1, 2, 3, at the end.",
    ("free_form", "float", 1): (
        "requiring a floating-point number with one decimal place and provide the final value, "
        "e.g., 1.2, 1.3, 1.4, at the end."
    ),
    ("free_form", "float", 2): (
        "requiring a floating-point number with two decimal places and provide the final value, "
        "e.g., 1.23, 1.34, 1.45, at the end."
    ),
    ("free_form", "list", None): (
        "requiring a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4], at the end."
    ),
}
GROUPS = ("language", "source", "category", "task", "context", "grade", "skills")


class Settings(BenchmarkConfig):
    """Which rule whole numbers are read by."""

    title: ClassVar[str] = "MathVista"
    medium: ClassVar[Literal["video", "image"]] = "image"
    official_id: ClassVar[str] = "mathvista/calculate_score.py, by rule 2023 or current"
    strict_id: ClassVar[str] = "codecsense/letters-1 and numbers-1"
    official_counts_missing: ClassVar[bool] = False
    name: Literal["mathvista"]
    rule: Literal["2023", "current"]

    @property
    def split_name(self) -> str:
        return "testmini"

    @property
    def size(self) -> int:
        return 1000

    def read(self, annotations: Path) -> list[Question]:
        """From testmini.json, an object by pid."""
        found = reading.table(reading.document(annotations), annotations)
        return [_question(pid, row, f"{annotations}, {pid}") for pid, row in found]

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """From the output JSON, an object by pid with response and extraction, or from plain rows."""
        document = reading.document(predictions)
        if not isinstance(document, dict) or not all(isinstance(entry, dict) for entry in document.values()):
            yield from plain_rows(predictions)
            return
        for pid, row in document.items():
            place = f"{predictions}, {pid}"
            details = {"extraction": str(row["extraction"])} if row.get("extraction") is not None else {}
            yield pid, Reply(reading.said(row.get("response", row.get("extraction")), place), details)

    def prompt(self, question: Question) -> str:
        kinds = (question.details["question_type"], question.details["answer_type"])
        precision = question.details["precision"] if kinds[1] == "float" else None
        joint = "and " if question.options else ""
        hint = f"Hint: Please answer the question {joint}{HINTS[(*kinds, precision)]}"  # type: ignore[index]
        unit = f" (Unit: {question.details['unit']})" if question.details["unit"] else ""
        choices = f"Choices:\n{lettered(question.options, '({letter}) {option}')}\n" if question.options else ""
        return f"Question: {question.text}{unit}\n{choices}{hint}\nSolution:"

    def official(self, question: Question, reply: Reply) -> Verdict:
        extraction = str(reply.details.get("extraction", shortcut(question, reply.response)))
        if len(extraction) > LONGEST or (not extraction and "extraction" not in reply.details):
            return unread(reply)
        if question.options:
            return _officially_chosen(extraction, question)
        read = self._number(extraction, question)
        if read is None:
            return unread(Reply(extraction))
        return Verdict(read[:200], "ok", read == question.gold)

    def _number(self, extraction: str, question: Question) -> str | None:
        """What the script makes of an extraction that is no choice."""
        kind = question.details["answer_type"]
        try:
            if kind == "integer":
                return str(int(extraction) if self.rule == "2023" else int(float(extraction)))
            if kind == "float":
                return str(round(float(extraction), int(str(question.details["precision"]))))
        except (ValueError, OverflowError):
            return None
        return extraction

    def strict(self, question: Question, reply: Reply) -> Verdict:
        said = str(reply.details.get("extraction") or reply.response)
        if question.options:
            letter = committed(said, question.options)
            chosen = question.options[LETTERS.index(letter)] if letter else ""
            return Verdict(letter, "ok", chosen == question.gold) if letter else unread(reply)
        found = final(said)
        if question.details["answer_type"] == "list":
            return _same_list(found, question, reply)
        number = only_number(found)
        if number is None:
            return unread(reply)
        gold, places = float(question.gold), int(str(question.details["precision"] or 0))
        return Verdict(
            f"{number:g}", "ok", abs(number - gold) <= 0.5 * 10**-places + 1e-9 if places else number == gold
        )


def shortcut(question: Question, response: str) -> str:
    """What the extraction script reads without asking a language model; empty if nothing."""
    if response in question.options:
        return response
    kind = question.details["answer_type"]
    try:
        if kind == "integer":
            return str(int(response))
        if kind == "float":
            return str(float(response))
    except (ValueError, OverflowError):
        pass
    quoted = QUOTED.search(response)
    return quoted[1] if quoted else ""


def distance(first: str, second: str) -> int:
    """Edit distance of two texts, with one step for each character of `first` [Hyyrö 2001, bit vectors]."""
    if not second:
        return len(first)
    places: dict[str, int] = {}
    for number, character in enumerate(second):
        places[character] = places.get(character, 0) | 1 << number
    mask, top = (1 << len(second)) - 1, 1 << (len(second) - 1)
    above, below, score = mask, 0, len(second)
    for character in first:
        match = places.get(character, 0)
        diagonal = (((match & above) + above) ^ above) | match | below
        plus, minus = below | ~(diagonal | above) & mask, above & diagonal
        score += (plus & top > 0) - (minus & top > 0)
        plus, minus = (plus << 1 | 1) & mask, minus << 1 & mask
        above, below = minus | ~(diagonal | plus) & mask, plus & diagonal
    return score


def _officially_chosen(extraction: str, question: Question) -> Verdict:
    """The choice of a letter, else the nearest one, the first among equals."""
    said = extraction.strip()
    bracketed = BRACKETED.search(said)
    letter = bracketed[1].upper() if bracketed else said
    if len(letter) == 1 and letter in LETTERS[: len(question.options)]:
        chosen = question.options[LETTERS.index(letter)]
        return Verdict(letter, "ok", chosen == question.gold)
    steps = [distance(letter, option) for option in question.options]
    chosen = question.options[steps.index(min(steps))]
    return Verdict(chosen, "ok" if min(steps) == 0 else "nearest", chosen == question.gold)


def _same_list(found: str, question: Question, reply: Reply) -> Verdict:
    """Whether the last bracketed list holds the same numbers."""
    start = found.rfind("[")
    try:
        said = json.loads(found[start : found.find("]", start) + 1]) if start >= 0 and len(found) <= LONGEST else None
    except ValueError:
        said = None
    if not isinstance(said, list):
        return unread(reply)
    return Verdict(json.dumps(said)[:200], "ok", said == json.loads(question.gold))


def _question(pid: str, row: Any, place: str) -> Question:
    if not isinstance(row, dict):
        raise ValueError(f"{place} must be an object, found {type(row).__name__}")
    options = reading.texts(row, "choices", place) if row.get("choices") else ()
    kinds = (reading.words(row, "question_type", place), reading.words(row, "answer_type", place))
    answer = str(reading.needed(row, "answer", place))
    if options and answer not in options:
        raise ValueError(f"{place}: the answer {answer!r:.40} is none of the choices")
    precision = None if row.get("precision") is None else int(reading.number(row, "precision", place))
    if (*kinds, precision if kinds[1] == "float" else None) not in HINTS:
        raise ValueError(f"{place}: no question of MathVista is {kinds[0]}, {kinds[1]} with precision {precision}")
    return Question(
        sample_id=pid,
        cluster_id=reading.words(row, "image", place),
        text=reading.words(row, "question", place),
        gold=answer,
        options=options,
        media=reading.inside(reading.words(row, "image", place), place),
        groups={"question_type": kinds[:1], "answer_type": kinds[1:], **_metadata(row, place)},
        details={
            "question_type": kinds[0],
            "answer_type": kinds[1],
            "precision": precision,
            "unit": row.get("unit") or "",
        },
    )


def _metadata(row: Mapping[str, Any], place: str) -> dict[str, tuple[str, ...]]:
    metadata = reading.needed(row, "metadata", place)
    if not isinstance(metadata, dict):
        raise ValueError(f"{place}: `metadata` must be an object")
    values: dict[str, Sequence[str]] = {
        key: metadata[key] if isinstance(metadata[key], list) else [metadata[key]] for key in GROUPS if key in metadata
    }
    return {key: tuple(map(str, some)) for key, some in values.items()}
