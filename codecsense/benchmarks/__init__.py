"""What a benchmark is: its official files read as they are, its prompt, its frames, and two scorers of a reply.

One file per benchmark, each with `Settings(BenchmarkConfig)`. `official` repeats the benchmark's own script, its
mistakes included, so that a number can be laid beside a published one; `strict` is what is right. Both always come
with how many replies could not be read. Text written by a model is data: nothing here evaluates it, and what is too
long or too deep to be an answer is a wrong answer.

Words used in this package:
    question  one item of the annotations    cluster  the video or picture that several questions share
    reply     what a model said to a question    unit  what counts once: a question, or the four tries of VNBench
    cell      correct and total of one group of questions, such as duration = short
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from codecsense.benchmarks import _reading as reading
from codecsense.config import Config

Status = Literal["ok", "nearest", "random_fallback", "empty", "unparsed", "missing"]
Scorer = Literal["official", "strict"]
SCORERS: tuple[Scorer, ...] = ("official", "strict")
FRAME = "<frame>"  # stands in `content` for a picture; a subtitle that reads like this is refused
LONGEST_REPLY = 1_000_000  # characters; nobody reads on, whatever the official script would do
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Question:
    """One item of a benchmark. `gold` is an option's letter, or the answer itself where nothing is to choose from."""

    sample_id: str
    cluster_id: str
    text: str
    gold: str
    options: tuple[str, ...] = ()
    media: str = ""  # of its video or picture, relative to the folder of the media
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the tables in which it counts
    span_s: tuple[float, float] | None = None  # the part of the video that is asked about
    details: Mapping[str, object] = field(default_factory=dict)  # what only this benchmark has


class Reply(NamedTuple):
    """What was said to a question, and what the submission says besides (an extraction, a judgement)."""

    response: str
    details: Mapping[str, object] = {}


class Verdict(NamedTuple):
    """What one scorer read in a reply; `counted` is false where it leaves the question out of its denominator."""

    extracted: str
    status: Status
    correct: bool
    counted: bool = True


class Answer(NamedTuple):
    """A question with what both scorers say of the reply to it."""

    question: Question
    response: str
    official: Verdict
    strict: Verdict
    details: Mapping[str, object] = {}  # of the reply

    def by(self, scorer: Scorer) -> Verdict:
        """The verdict of one scorer."""
        return self.official if scorer == "official" else self.strict


class Unit(NamedTuple):
    """What counts once in a score; `stratum` is the group whose accuracies are averaged, empty where none are."""

    unit_id: str
    cluster_id: str
    stratum: str
    correct: bool
    groups: Mapping[str, tuple[str, ...]]


class Cell(NamedTuple):
    """One line of a table: of the questions with this value, how many are right."""

    kind: str
    value: str
    correct: int
    total: int


class Line(NamedTuple):
    """One subtitle, in seconds of the video."""

    start_s: float
    end_s: float
    text: str


class Video(NamedTuple):
    """What choosing frames needs to know of a video."""

    num_frames: int
    fps: float


class BenchmarkConfig(Config):
    """One benchmark; its fields are the choices that change a score."""

    title: ClassVar[str]
    medium: ClassVar[Literal["video", "image"]]
    official_id: ClassVar[str]  # whose script `official` repeats
    strict_id: ClassVar[str]
    averaged_over: ClassVar[str] = ""  # the group whose accuracies are averaged into the score; else all count alike
    official_counts_missing: ClassVar[bool] = True  # else the official script leaves absent replies out
    name: str

    @property
    def split_name(self) -> str:
        """Which part of the benchmark this is."""
        return "test"

    @property
    def needs_judge(self) -> bool:
        """Whether the run must name who judged its answers."""
        return False

    @property
    def size(self) -> int:
        """How many questions the official annotations hold; 0 where that is not fixed."""
        return 0

    def read(self, annotations: Path) -> list[Question]:
        """The questions in the official files, in their order; ValueError names file, row and field."""
        raise TypeError(f"{type(self).__name__} does not say how its annotations are read")

    def read_replies(self, predictions: Path, questions: Sequence[Question]) -> dict[str, Reply]:
        """Replies by `sample_id`, from the official submission format or from rows of `sample_id` and `response`."""
        return replies(self.named_rows(predictions), questions, predictions)

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """Sample and reply, as the file has them."""
        return plain_rows(predictions)

    def prompt(self, question: Question) -> str:
        """The official words of the question, options included."""
        raise TypeError(f"{type(self).__name__} has no prompt")

    def content(self, question: Question, *, times_s: Sequence[float], lines: Sequence[Line] = ()) -> list[str]:
        """What the model is shown, in order: `FRAME` for each picture, and text."""
        return [FRAME] * len(times_s) + [self.prompt(question)]

    def frames(self, question: Question, video: Video, budget: int) -> list[int]:
        """The frames shown, as indices: the middles of `budget` equal parts of what is asked about."""
        return middles(0, video.num_frames, min(budget, video.num_frames))

    def official(self, question: Question, reply: Reply) -> Verdict:
        """What the benchmark's own script makes of a reply."""
        raise TypeError(f"{type(self).__name__} does not say how replies are officially scored")

    def strict(self, question: Question, reply: Reply) -> Verdict:
        """What is right."""
        raise TypeError(f"{type(self).__name__} does not say which replies are right")

    def answer(self, question: Question, reply: Reply | None) -> Answer:
        """Both verdicts; no reply is wrong, and counts where the official script counts it; one too long is wrong."""
        if reply is None:
            absent = Verdict("", "missing", correct=False)
            return Answer(question, "", absent._replace(counted=self.official_counts_missing), absent)
        if len(reply.response) > LONGEST_REPLY:
            endless = Verdict("", "unparsed", correct=False)
            return Answer(question, reply.response, endless, endless, reply.details)
        official, strict = self.official(question, reply), self.strict(question, reply)
        return Answer(question, reply.response, official, strict, reply.details)

    def units(self, answers: Sequence[Answer], scorer: Scorer) -> list[Unit]:
        """What counts, once each: every question that the scorer counts."""
        counted = ((answer.question, answer.by(scorer)) for answer in answers)
        return [
            Unit(question.sample_id, question.cluster_id, self.stratum(question), verdict.correct, question.groups)
            for question, verdict in counted
            if verdict.counted
        ]

    def stratum(self, question: Question) -> str:
        """The group whose accuracy this question enters, where groups are averaged."""
        return question.groups[self.averaged_over][0] if self.averaged_over else ""

    def table(self, units: Sequence[Unit], scorer: Scorer) -> list[Cell]:
        """Correct and total by every kind of group, sorted."""
        return cells(units)

    def besides(self, answers: Sequence[Answer], scorer: Scorer) -> dict[str, float]:
        """Numbers that the benchmark prints besides its accuracy, by name."""
        return {}


def headline(units: Sequence[Unit]) -> float:
    """Share of right units, averaged over strata; 0 where there are none, as scripts print it."""
    ordered = sorted(units, key=lambda unit: unit.stratum)
    shares = []
    for _, some in groupby(ordered, key=lambda unit: unit.stratum):
        right = [unit.correct for unit in some]
        shares.append(sum(right) / len(right))
    return sum(shares) / len(shares) if shares else 0.0


def cells(units: Sequence[Unit]) -> list[Cell]:
    """The plain table: each group's correct and total."""
    counts: dict[tuple[str, str], list[int]] = {}
    for unit in units:
        for kind, values in unit.groups.items():
            for value in values:
                entry = counts.setdefault((kind, value), [0, 0])
                entry[0] += unit.correct
                entry[1] += 1
    return [Cell(kind, value, *counts[kind, value]) for kind, value in sorted(counts)]


def plain_rows(predictions: Path) -> Iterable[tuple[str, Reply]]:
    """Rows of `sample_id` and `response`, or one object from sample to reply."""
    document = reading.document(predictions)
    if isinstance(document, dict):
        for name, said in document.items():
            yield name, Reply(reading.said(said, f"{predictions}, {name}"))
        return
    for place, row in reading.rows(document, predictions):
        yield reading.name(row, "sample_id", place), Reply(reading.said(reading.needed(row, "response", place), place))


def replies(rows: Iterable[tuple[str, Reply]], questions: Sequence[Question], predictions: Path) -> dict[str, Reply]:
    """Replies by sample; one that answers no question, or a second one to the same, is an error."""
    known = {question.sample_id for question in questions}
    found: dict[str, Reply] = {}
    for sample_id, reply in rows:
        if sample_id not in known:
            raise ValueError(
                f"{predictions}: {sample_id!r} is no question of the annotations; are these their replies?"
            )
        if sample_id in found:
            raise ValueError(f"{predictions}: {sample_id!r} is answered twice; keep one row of each question")
        found[sample_id] = reply
    return found


def middles(first: int, end: int, count: int) -> list[int]:
    """The middle frame of each of `count` equal parts of [first, end)."""
    if count <= 0 or end <= first:
        raise ValueError(f"{count} frames of a video from frame {first} to {end}; needs at least one of each")
    return [first + (2 * n + 1) * (end - first) // (2 * count) for n in range(count)]


def lettered(options: Sequence[str], form: str = "{letter}. {option}") -> str:
    """The options under one another, each with its letter."""
    pairs = zip(LETTERS, options, strict=False)
    return "\n".join(form.format(letter=letter, option=option) for letter, option in pairs)
