"""OCRBench: 1,000 questions about text in pictures, of ten types [1].

Officially an answer is right if it is contained in the reply, letters of any case, so that listing everything passes:
the mean length of replies is printed beside the score. HME100k alone keeps case and drops all spaces. Strictly the
answer must stand there as whole words, in a reply that has not many more, and a formula must be the whole reply.

References:
    [1] Liu et al., OCRBench, arXiv 2305.07895; OCRBench/example.py at f5cbec6.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import Answer, BenchmarkConfig, Question, Reply, Scorer, Verdict, plain_rows, replies
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import final, unread

FORMULAS = "HME100k"
SPARE_WORDS = 20  # that a strictly right reply may have beyond its answer
LONGEST = 20_000  # characters of a strictly right reply
RECOGNITION = (
    "Regular Text Recognition",
    "Irregular Text Recognition",
    "Artistic Text Recognition",
    "Handwriting Recognition",
    "Digit String Recognition",
    "Non-Semantic Text Recognition",
)


class Settings(BenchmarkConfig):
    """No choices."""

    title: ClassVar[str] = "OCRBench"
    medium: ClassVar[Literal["video", "image"]] = "image"
    official_id: ClassVar[str] = "ocrbench/example.py@f5cbec6"
    strict_id: ClassVar[str] = "codecsense/whole-words-1"
    name: Literal["ocrbench"]

    @property
    def size(self) -> int:
        return 1000

    def read(self, annotations: Path) -> list[Question]:
        """From OCRBench.json; a question is named by its place, for its `id` is not unique."""
        rows = reading.rows(reading.document(annotations), annotations)
        return [_question(number, row, place) for number, (place, row) in enumerate(rows)]

    def read_replies(self, predictions: Path, questions: Sequence[Question]) -> dict[str, Reply]:
        """The annotations with `predict` added, in the same order, or from plain rows; without it there is none."""
        document = reading.document(predictions)
        if not (
            isinstance(document, list) and document and isinstance(document[0], dict) and "image_path" in document[0]
        ):
            return replies(plain_rows(predictions), questions, predictions)
        found = []
        for number, (place, row) in enumerate(reading.rows(document, predictions)):
            if number >= len(questions) or row.get("question") != questions[number].text:
                raise ValueError(
                    f"{place} is not the question of the annotations at this place; was the file reordered?"
                )
            if row.get("predict", 0) != 0:  # as the script, which takes a number 0 for no prediction
                found.append((str(number), Reply(reading.said(row["predict"], place))))
        return replies(found, questions, predictions)

    def prompt(self, question: Question) -> str:
        return question.text

    def official(self, question: Question, reply: Reply) -> Verdict:
        formula = question.details["dataset"] == FORMULAS
        said = _officially(reply.response, formula=formula)
        right = any(_officially(answer, formula=formula) in said for answer in _answers(question))
        return Verdict(said[:200], "ok" if said else "empty", right)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        said = final(reply.response) if question.details["dataset"] != FORMULAS else reply.response.strip()
        if not said or len(said) > LONGEST:
            return unread(reply)
        if question.details["dataset"] == FORMULAS:
            formula = _formula(said)
            return Verdict(formula[:200], "ok", formula in [_formula(answer) for answer in _answers(question)])
        right = any(_stands_in(answer, said) for answer in _answers(question))
        return Verdict(said[:200], "ok", right)

    def besides(self, answers: Sequence[Answer], scorer: Scorer) -> dict[str, float]:
        lengths = [len(answer.response.split()) for answer in answers]
        return {"mean words of a reply": sum(lengths) / len(lengths)}


def _officially(text: str, *, formula: bool) -> str:
    if formula:
        return text.strip().replace("\n", " ").replace(" ", "")
    return text.lower().strip().replace("\n", " ")


def _formula(text: str) -> str:
    """A formula without the spaces and the dollar signs around it."""
    return "".join(text.split()).strip("$.")


def _stands_in(answer: str, said: str) -> bool:
    """Whether the words of an answer stand in a reply, as whole words."""
    wanted, words = " ".join(answer.casefold().split()), " ".join(said.casefold().split())
    if not wanted or len(words.split()) > len(wanted.split()) + SPARE_WORDS:
        return False
    return re.search(rf"(?<!\w)(?<!\d[.,]){re.escape(wanted)}(?!\w)(?![.,]\d)", words) is not None


def _answers(question: Question) -> tuple[str, ...]:
    answers: tuple[str, ...] = question.details["answers"]  # type: ignore[assignment]
    return answers


def _question(number: int, row: Mapping[str, Any], place: str) -> Question:
    kind, answers = reading.words(row, "type", place), reading.needed(row, "answers", place)
    listed = reading.texts(row, "answers", place) if isinstance(answers, list) else (str(answers),)
    image = reading.inside(reading.words(row, "image_path", place), place)
    return Question(
        sample_id=str(number),
        cluster_id=image,
        text=reading.words(row, "question", place),
        gold=" | ".join(listed),
        media=image,
        groups={"type": (kind,), "group": ("Text Recognition" if kind in RECOGNITION else kind,)},
        details={"answers": listed, "dataset": reading.words(row, "dataset_name", place)},
    )
