"""Video-MMMU: 900 questions in three tracks about lectures, and what watching one has taught [1].

The official parser looks for letters before a full stop or colon anywhere, so that the last letter of "NASA." is an
A; finding nothing it says so and does not guess. Questions of the adaptation track without `question_type` are
officially open ones, even with options. Replies that are empty or "API Error" leave the denominator. Of several
candidates the one that stands last is taken. The score is the mean of the three tracks. `question_only` is the
adaptation track without the video, the baseline of `knowledge_gain`.

References:
    [1] Hu et al., Video-MMMU, arXiv 2501.13826; the task videommmu of lmms-eval, by the same authors, with the
        multiple-choice parser behind the published numbers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import LETTERS, BenchmarkConfig, Question, Reply, Verdict, Video, middles, plain_rows
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._expressions import only_number, plain, value
from codecsense.benchmarks._letters import answer_in, final, strict_choice, unread

TRACKS = ("Perception", "Comprehension", "Adaptation")
SUBJECTS = {
    "Art": ("Art", "Art_Theory", "Design", "Music"),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Medicine": (
        "Basic_Medical_Science",
        "Clinical_Medicine",
        "Diagnostics_and_Laboratory_Medicine",
        "Pharmacy",
        "Public_Health",
    ),
    "Humanities": ("History", "Literature", "Sociology", "Psychology"),
    "Engineering": (
        "Agriculture",
        "Architecture_and_Engineering",
        "Computer_Science",
        "Electronics",
        "Energy_and_Power",
        "Materials",
        "Mechanical_Engineering",
    ),
}
IGNORE = "\nPlease ignore the Quiz question in last frame of the video."
LEARN = "You should watch and learn the video content. Then apply what you learned to answer the following "
IMAGE = " question. The image for this question is at the end of the video.\n"
ERROR = "API Error"
LONGEST = 20_000  # characters of a reply to an open question
INDICATORS = (
    "could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "are ", "in total ", "total ",
    "identify ", "recognize ", "calculated as ", "counted as ", "measured as ", "observed as ", "concluded as ",
    "found to be ", "equals ", "determined to be ", "number of ", "value is ", "adds up to ", "have ", "has ",
)  # fmt: skip
MARKS = (":", ",", ".", "!", "?", ";", "'")
NUMBERS = tuple(  # with commas, with an exponent, plain; starts only where digits start, so that time stays linear
    re.compile(pattern)
    for pattern in (
        r"-?\b\d{1,3}(?:,\d{3})+\b",
        r"(?:-|(?<!\d))\d+(?:\.\d+)?[eE][+-]?\d+",
        r"(?:-(?=[\d.])|(?<!\d))(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])",
    )
)


class Settings(BenchmarkConfig):
    """All three tracks, or the adaptation questions without the video."""

    title: ClassVar[str] = "Video-MMMU"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "lmms-eval/videommmu, parser of the published numbers"
    strict_id: ClassVar[str] = "codecsense/letters-1 and words-1"
    averaged_over: ClassVar[str] = "track"
    official_counts_missing: ClassVar[bool] = False
    name: Literal["video_mmmu"]
    split: Literal["all", "question_only"]

    @property
    def split_name(self) -> str:
        return self.split

    @property
    def size(self) -> int:
        return 900 if self.split == "all" else 300

    def read(self, annotations: Path) -> list[Question]:
        """From a folder with perception_video.json, comprehension_video.json and adaptation_video.json."""
        found = []
        for track in TRACKS if self.split == "all" else TRACKS[2:]:
            file = annotations / f"{track.lower()}_video.json" if annotations.is_dir() else annotations
            document = reading.document(file)
            if not isinstance(document, dict) or not isinstance(document.get(track), dict):
                raise ValueError(f"{file} must hold an object with the key {track}")
            for number, row in document[track].items():
                found.append(_question(track, row, f"{file}, {number}", alone=self.split == "question_only"))
        return found

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """An object from track to an object from id to reply, or plain rows of `Track/id`."""
        document = reading.document(predictions)
        if not isinstance(document, dict) or not set(document) <= set(TRACKS):
            yield from plain_rows(predictions)
            return
        for track, said in document.items():
            for name, reply in reading.table(said, predictions):
                yield f"{track}/{name}", Reply(reading.said(reply, f"{predictions}, {track}, {name}"))

    def prompt(self, question: Question) -> str:
        options = _options(question.options)
        text = question.text + (f"\n{options}" if options else "")
        if question.groups["track"] != ("Adaptation",):
            return text + IGNORE
        return f"{LEARN}{'multi-choice' if question.details['choice'] else 'open-ended'}{IMAGE}{text}"

    def frames(self, question: Question, video: Video, budget: int) -> list[int]:
        """The middles of equal parts; of adaptation videos the last is the last frame, which shows the question."""
        chosen = middles(0, video.num_frames, min(budget, video.num_frames))
        return [*chosen[:-1], video.num_frames - 1] if question.groups["track"] == ("Adaptation",) else chosen

    def official(self, question: Question, reply: Reply) -> Verdict:
        if reply.response in ("", ERROR):
            return unread(reply)._replace(counted=False)
        if question.details["choice"]:
            letter = letter_of(reply.response, question.options)
            return Verdict(letter, "ok", letter == question.gold) if letter else unread(reply)
        if len(reply.response) > LONGEST:
            return unread(reply)
        parts = said_openly(reply.response)
        return Verdict(str(parts[0])[:200] if parts else "", "ok", _openly_right(question.gold, parts))

    def strict(self, question: Question, reply: Reply) -> Verdict:
        if reply.response == ERROR:
            return unread(reply)
        if question.options:
            return strict_choice(question, reply)
        said = final(reply.response)
        if not said or len(said) > LONGEST:
            return unread(reply)
        answer = answer_in(said)
        one, other = value(answer), value(question.gold)
        one = only_number(answer) if one is None else one
        near = one is not None and other is not None and abs(one - other) < 0.005
        return Verdict(answer[:200], "ok", near or plain(answer) == plain(question.gold) != "")


def knowledge_gain(adaptation: float, question_only: float) -> float:
    """How much of what was not known before is known after the video, in percent of it; both accuracies in percent."""
    if not 0 <= question_only < 100:
        raise ValueError(f"{question_only} % right without the video leaves nothing to learn; needs 0 to below 100")
    return (adaptation - question_only) / (100 - question_only) * 100


def letter_of(response: str, options: Sequence[str]) -> str:
    """The letter that the official parser finds; empty where it says that there is none."""
    said = response
    for mark in ",.!?;:'":
        said = said.strip(mark)
    said, offered = f" {said} ", LETTERS[: len(options)]
    dotted = [letter for letter in offered if f"{letter}." in said]
    colons = [letter for letter in offered if f"{letter}:" in said]
    if dotted or colons:
        form = "{}." if dotted else "{}:"
        return _last(dotted + colons, said, form)
    for form, found_by in (("({})", "({})"), (" {} ", "{} ")):
        found = [letter for letter in offered if found_by.format(letter) in said]
        if found:
            return _last(found, said, form)
    if len(said.split()) <= 5:
        return ""
    lower = said.lower()
    named = [letter for letter, option in zip(offered, options, strict=True) if option.lower() in lower]
    return max(named, key=lambda letter: lower.rfind(options[offered.index(letter)].lower())) if named else ""


def _last(letters: Sequence[str], said: str, form: str) -> str:
    """The letter whose form stands last; the first of those that do not stand there in this form."""
    return max(letters, key=lambda letter: said.rfind(form.format(letter)))


def said_openly(response: str) -> list[str | float]:
    """The texts and numbers that the official parser takes from a reply to an open question."""
    keys = _key_parts(response)
    found = [*keys, *(number for key in keys for pattern in NUMBERS for number in pattern.findall(key))]
    return [each for text in found for each in _normal(text)]


def _key_parts(response: str) -> list[str]:
    """What follows the last indicator in each line, the shortest; the whole reply if no line has one."""
    said = response.strip().strip(".").lower()
    lines, keys = said.split("\n"), []
    for number, line in enumerate(lines):
        indicators = (*INDICATORS, "=") if number == len(lines) - 1 else INDICATORS
        tails = [line.split(indicator)[-1].strip() for indicator in indicators if indicator in line]
        shortest = ""
        for tail in tails:
            if not shortest or len(tail) < len(shortest):
                shortest = tail
        if shortest and shortest not in MARKS:
            keys.append(shortest)
    return keys or [said]


def _normal(text: str) -> list[str | float]:
    """A number rounded to two places, or words in lower case; one letter alone is made to stand at a word's edge."""
    said = text.strip()
    try:
        number = float(said.replace(",", ""))
    except ValueError:
        said = said.lower()
        return [f" {said}", f"{said} "] if len(said) == 1 else [said]
    return [round(number, 2)]


def _openly_right(gold: str, parts: Sequence[str | float]) -> bool:
    answers = _normal(gold)
    words = [answer for answer in answers if isinstance(answer, str)]
    return any(any(word in part for word in words) if isinstance(part, str) else part in answers for part in parts)


def _options(options: Sequence[str]) -> str:
    """The options, with letters unless all have theirs."""
    if all(option.startswith(f"{letter}.") for letter, option in zip(LETTERS, options, strict=False)):
        return "\n".join(options)
    return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))


def _question(track: str, row: Any, place: str, *, alone: bool) -> Question:
    if not isinstance(row, Mapping):
        raise ValueError(f"{place} must be an object, found {type(row).__name__}")
    options = reading.texts(row, "options", place) if row.get("options") else ()
    name, answer = reading.inside(reading.name(row, "id", place), place), str(reading.needed(row, "answer", place))
    subject = "_".join(name.split("_")[1:-1])
    discipline = next((discipline for discipline, subjects in SUBJECTS.items() if subject in subjects), "")
    if not discipline:
        raise ValueError(f"{place}: {name!r} names no subject of Video-MMMU, as dev_Biology_3 does")
    choice = track != "Adaptation" or row.get("question_type") == "multiple-choice"
    return Question(
        sample_id=f"{track}/{name}",
        cluster_id=name,
        text=reading.words(row, "question", place),
        gold=reading.letter_among(answer, options, place) if options else answer,
        options=options,
        media=f"question_only/{name}_image.mp4" if alone else f"{discipline}/{name}.mp4",
        groups={"track": (track,), "discipline": (discipline,), "subject": (subject,)},
        details={"choice": choice},
    )
