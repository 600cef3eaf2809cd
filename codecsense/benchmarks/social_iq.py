"""Social-IQ 2.0: questions of four options about people in clips of a minute [1].

There is no official prompt and no official extraction, only accuracy on `answer_idx`, so both scorers are the strict
one. The answers of the test split are not public: only val (943 questions) can be scored. Videos vanish from their
site, which changes the denominator of anyone who skips them; `--media` counts them.

References:
    [1] Wilf et al., Social-IQ 2.0 challenge; siq2/qa/qa_val.json.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import BenchmarkConfig, Question, Reply, Verdict, lettered
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import strict_choice


class Settings(BenchmarkConfig):
    """No choices."""

    title: ClassVar[str] = "Social-IQ 2.0"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "codecsense/letters-1"  # there is no other
    strict_id: ClassVar[str] = "codecsense/letters-1"
    name: Literal["social_iq"]

    @property
    def split_name(self) -> str:
        return "val"

    @property
    def size(self) -> int:
        return 943

    def read(self, annotations: Path) -> list[Question]:
        """From the JSON lines of qa_val.json."""
        return [_question(row, place) for place, row in reading.rows(reading.document(annotations), annotations)]

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """Rows of qid and answer_idx, or of sample_id (or qid) and response."""
        for place, row in reading.rows(reading.document(predictions), predictions):
            name = str(reading.either(row, ("qid", "sample_id"), place))
            if "answer_idx" in row:
                yield name, Reply(reading.letter_of(row["answer_idx"], ("",) * 4, place))
            else:
                yield name, Reply(reading.said(reading.needed(row, "response", place), place))

    def prompt(self, question: Question) -> str:
        instruction = "Answer with the option's letter from the given choices directly."
        return f"{question.text}\n{lettered(question.options)}\n{instruction}"

    def official(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)


def _question(row: Mapping[str, Any], place: str) -> Question:
    options = tuple(reading.words(row, f"a{number}", place) for number in range(4))
    if row.get("answer_idx") is None:
        raise ValueError(f"{place} has no answer: those of the test split are not public, only val can be scored")
    video = reading.inside(reading.words(row, "vid_name", place), place)
    return Question(
        sample_id=reading.name(row, "qid", place),
        cluster_id=video,
        text=reading.words(row, "q", place),
        gold=reading.letter_of(row["answer_idx"], options, place),
        options=options,
        media=f"video/{video}.mp4",
        span_s=_span(reading.words(row, "ts", place), place),
    )


def _span(stamp: str, place: str) -> tuple[float, float]:
    start, dash, end = stamp.partition("-")
    try:
        if dash:
            return float(start), float(end)
    except ValueError:
        pass
    raise ValueError(f"{place}: `ts` must be like 0.00-60.06, found {stamp!r:.40}")
