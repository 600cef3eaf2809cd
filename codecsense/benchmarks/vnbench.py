"""VNBench: needles in videos, 1,350 samples of nine tasks, each asked four times with its options turned around [1].

A sample counts only if all four tries are right. There are two official scripts: `eval` takes the text before the
first full stop and the first of A, B, C, D that it contains, in that order of letters ("D or A" is A), and leaves out
tries without a reply, so that such a sample can never pass; `llava_examples` takes the first character, and has the
labels of ret_insert1 and ret_insert2 the wrong way round in its table.

References:
    [1] Zhao et al., VideoNIAH, arXiv 2406.09367; evaluation/eval.py at 521e56f, llava_examples/evaluation_utils.py at
        a85ba20.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import Answer, BenchmarkConfig, Cell, Question, Reply, Scorer, Unit, Verdict, cells, lettered
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import strict_choice

TRIES = 4
SWAPPED = {"ret_insert1": "ret_insert2", "ret_insert2": "ret_insert1"}


class Settings(BenchmarkConfig):
    """Which of the two official scripts `official` repeats."""

    title: ClassVar[str] = "VNBench"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "videoniah/eval.py@521e56f or llava_examples@a85ba20, by rule"
    strict_id: ClassVar[str] = "codecsense/letters-1, four of four"
    averaged_over: ClassVar[str] = "type"
    official_counts_missing: ClassVar[bool] = False
    name: Literal["vnbench"]
    rule: Literal["eval", "llava_examples"]

    @property
    def size(self) -> int:
        return 5400

    def read(self, annotations: Path) -> list[Question]:
        return [_question(row, place) for place, row in reading.rows(reading.document(annotations), annotations)]

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """Rows of question_id and pred, as the scripts read them; a pred of null is no reply."""
        for place, row in reading.rows(reading.document(predictions), predictions):
            name = reading.either(row, ("question_id", "sample_id"), place)
            said = reading.either(row, ("pred", "response"), place)
            if said is not None:
                yield str(name), Reply(reading.said(said, place))

    def prompt(self, question: Question) -> str:
        instruction = "Answer with the option's letter from the given choices directly."
        return f"{question.text}\n{lettered(question.options)}\n{instruction}"

    def official(self, question: Question, reply: Reply) -> Verdict:
        if self.rule == "llava_examples":
            letter = reply.response[:1]
        else:
            before = reply.response.partition(".")[0]
            letter = next((letter for letter in "ABCD" if letter in before), before[:40])
        if not reply.response.strip():
            return Verdict("", "empty", correct=False)
        return Verdict(letter, "ok" if letter in tuple("ABCD") else "unparsed", letter == question.gold)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)

    def units(self, answers: Sequence[Answer], scorer: Scorer) -> list[Unit]:
        """One for every sample of which the scorer counts a try: right if four tries are."""
        right: dict[str, int] = {}
        first: dict[str, Question] = {}
        for answer in answers:
            verdict, sample = answer.by(scorer), answer.question.sample_id[:-2]
            if verdict.counted:
                right[sample] = right.get(sample, 0) + verdict.correct
                first.setdefault(sample, answer.question)
        return [
            Unit(
                sample,
                first[sample].cluster_id,
                self.stratum(first[sample]),
                right[sample] == TRIES,
                first[sample].groups,
            )
            for sample in right
        ]

    def table(self, units: Sequence[Unit], scorer: Scorer) -> list[Cell]:
        found = cells(units)
        if scorer == "strict" or self.rule == "eval":
            return found
        return [cell._replace(value=SWAPPED.get(cell.value, cell.value)) for cell in found]


def _question(row: Mapping[str, Any], place: str) -> Question:
    options = reading.texts(row, "options", place)
    kind, tried = str(reading.either(row, ("type", "task_type"), place)), reading.needed(row, "try", place)
    if tried not in range(TRIES):
        raise ValueError(f"{place}: `try` must be 0 to {TRIES - 1}, found {tried!r:.20}")
    gold = reading.either(row, ("gt", "answer"), place)
    letter = reading.letter_of(gold, options, place) if isinstance(gold, int) else str(gold)
    video = reading.inside(reading.words(row, "video", place), place)
    stem = PurePosixPath(video).stem
    sample = stem if stem.endswith(kind) else f"{stem}_{kind}"
    return Question(
        sample_id=f"{sample}_{tried}",
        cluster_id=stem.removesuffix(f"_{kind}"),
        text=reading.words(row, "question", place),
        gold=reading.letter_among(letter, options, place),
        options=options,
        media=video,
        groups={"type": (kind,), "family": (kind.partition("_")[0],)},
    )
