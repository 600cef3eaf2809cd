"""LongVideoBench: 1,337 validation questions about videos of up to an hour, with subtitles between the frames [1].

When nothing can be read from a reply the official rule draws an option; here the draw is fixed by the question's id,
so that a score can be made again, and it is counted. Letters up to E are accepted also where there are fewer options.
The answers of the test split are not public.

References:
    [1] Wu et al., LongVideoBench, arXiv 2407.15754; longvideobench_dataset.py at 2aa4f91 for what is shown, and the
        task longvideobench of lmms-eval, by the same author, for what is right.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import FRAME, LETTERS, BenchmarkConfig, Line, Question, Reply, Verdict, Video, lettered
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import first_capital, strict_choice
from codecsense.benchmarks._subtitles import interleaved

PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is",
    "The correct option is",
    "Best answer:",
    "Best option:",
)
PADDING = "N/A"  # of the five columns of options


class Settings(BenchmarkConfig):
    """Whether subtitles stand between the frames (`val_i`) or not (`val_v`)."""

    title: ClassVar[str] = "LongVideoBench"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "lmms-eval/longvideobench@03a5823"
    strict_id: ClassVar[str] = "codecsense/letters-1"
    name: Literal["longvideobench"]
    subtitles: bool

    @property
    def split_name(self) -> str:
        return "val_i" if self.subtitles else "val_v"

    @property
    def size(self) -> int:
        return 1337

    def read(self, annotations: Path) -> list[Question]:
        """From lvb_val.json, or from the parquet file with its columns option0 to option4."""
        return [_question(row, place) for place, row in reading.rows(reading.document(annotations), annotations)]

    def prompt(self, question: Question) -> str:
        instruction = "Answer with the option's letter from the given choices directly."
        return f"Question: {question.text}\n{lettered(question.options)}\n{instruction}"

    def content(self, question: Question, *, times_s: Sequence[float], lines: Sequence[Line] = ()) -> list[str]:
        shown = interleaved(lines, times_s, FRAME) if self.subtitles else [FRAME] * len(times_s)
        return [*shown, self.prompt(question)]

    def frames(self, question: Question, video: Video, budget: int) -> list[int]:
        """One a second at most, from the first frame on, a whole number of frames apart."""
        duration = video.num_frames / video.fps
        count = max(1, min(budget, int(duration)))
        return [int(int(duration * video.fps) / count) * number for number in range(count)]

    def official(self, question: Question, reply: Reply) -> Verdict:
        letter = first_capital(reply.response, "ABCDE", PREFIXES)
        if letter:
            return Verdict(letter, "ok", letter == question.gold)
        drawn = draw(question.sample_id, len(question.options))
        return Verdict(drawn, "random_fallback", drawn == question.gold)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)


def draw(sample_id: str, count: int) -> str:
    """One of `count` letters, always the same for the same question."""
    digest = hashlib.sha256(sample_id.encode("utf-8", "surrogatepass")).digest()
    return LETTERS[int.from_bytes(digest[:8], "big") % count]


def _question(row: dict[str, Any], place: str) -> Question:
    if "candidates" in row:
        options = reading.texts(row, "candidates", place)
    else:
        padded = [reading.words(row, f"option{number}", place) for number in range(5)]
        options = tuple(padded[: padded.index(PADDING)] if PADDING in padded else padded)
    if row.get("correct_choice") in (None, -1):
        raise ValueError(f"{place} has no answer: those of the test split are not public, only val can be scored")
    groups = {key: (str(reading.needed(row, key, place)),) for key in ("duration_group", "question_category", "level")}
    return Question(
        sample_id=reading.name(row, "id", place),
        cluster_id=reading.name(row, "video_id", place),
        text=reading.words(row, "question", place),
        gold=reading.letter_of(row["correct_choice"], options, place),
        options=options,
        media=reading.inside(f"videos/{reading.words(row, 'video_path', place)}", place),
        groups={**groups, "topic_category": (str(row.get("topic_category", "")),)},
        details={
            "subtitles": reading.inside(f"subtitles/{reading.words(row, 'subtitle_path', place)}", place),
            "subtitles_from_s": reading.number(row, "starting_timestamp_for_subtitles", place),
            "duration_s": reading.number(row, "duration", place),
        },
    )
