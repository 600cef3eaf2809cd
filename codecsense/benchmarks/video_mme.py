"""Video-MME: 2,700 questions of four options about 900 videos, with or without subtitles [1].

The official script leaves a reply without any of ABCD out of its denominator, takes the first capital ABCD anywhere
("Answer: C" is A), and has lost two commas in its list of prefixes, so that neither "Best option:" nor "The best option
is" is ever removed. Submissions carry their own answers; one that differs from the annotations is refused.

References:
    [1] Fu et al., Video-MME, arXiv 2405.21075; evaluation/eval_your_results.py at 4e7566d, and its successor with the
        keys duration, domain and sub_category.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import FRAME, BenchmarkConfig, Line, Question, Reply, Verdict, plain_rows, replies
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import first_capital, strict_choice, unread
from codecsense.benchmarks._subtitles import covering

PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is" + "The correct option is",  # the two commas that the script has lost
    "Best answer:" + "Best option:",
)
ASK = (
    "Select the best answer to the following multiple-choice question based on the video. "
    "Respond with only the letter (A, B, C, or D) of the correct option."
)
DURATION, DOMAIN = ("duration", "duration_category"), ("domain", "video_category")
SUB_CATEGORY, OPTIONS = ("sub_category", "video_subcategory", "video_sub_category"), ("options", "choices")


class Settings(BenchmarkConfig):
    """Whether the lines on screen at the sampled frames are shown; the two settings are two scores."""

    title: ClassVar[str] = "Video-MME"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "video-mme/eval_your_results.py@4e7566d"
    strict_id: ClassVar[str] = "codecsense/letters-1"
    official_counts_missing: ClassVar[bool] = False  # skip_missing
    name: Literal["video_mme"]
    subtitles: bool

    @property
    def size(self) -> int:
        return 2700

    def read(self, annotations: Path) -> list[Question]:
        """From the rows of the parquet file, or from a submission file with or without responses."""
        return [_question(video, row, place) for place, video, row in _rows(reading.document(annotations), annotations)]

    def read_replies(self, predictions: Path, questions: Sequence[Question]) -> dict[str, Reply]:
        document = reading.document(predictions)
        if not (
            isinstance(document, list) and document and isinstance(document[0], dict) and "questions" in document[0]
        ):
            return replies(plain_rows(predictions), questions, predictions)
        gold = {question.sample_id: question.gold for question in questions}
        found = []
        for place, video, row in _rows(document, predictions):
            sample = reading.name(row, "question_id", place)
            if "answer" in row and row["answer"] != gold.get(sample, row["answer"]):
                raise ValueError(
                    f"{place}: says that {row['answer']!r:.20} answers {sample}, the annotations {gold[sample]!r}"
                )
            if not video.get("missing") and row.get("response") is not None:
                found.append((sample, Reply(reading.said(row["response"], place))))
        return replies(found, questions, predictions)

    def prompt(self, question: Question) -> str:
        return "\n".join([ASK, question.text, *question.options, "The best answer is:"])

    def content(self, question: Question, *, times_s: Sequence[float], lines: Sequence[Line] = ()) -> list[str]:
        prompt = self.prompt(question)
        shown = covering(lines, times_s) if self.subtitles else []
        if shown:
            prompt = "\n".join(["This video's subtitles are listed below:", *(line.text for line in shown), prompt])
        return [FRAME] * len(times_s) + [prompt]

    def official(self, question: Question, reply: Reply) -> Verdict:
        letter = first_capital(reply.response, "ABCD", PREFIXES)
        if not letter:
            return unread(reply)._replace(counted=False)
        return Verdict(letter, "ok", letter == question.gold)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)


def _rows(document: Any, path: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Place, video and question of every question, from flat rows or from videos with their questions."""
    for place, row in reading.rows(document, path):
        if "questions" not in row:
            yield place, row, row
            continue
        for number, (_, question) in enumerate(reading.rows(row["questions"], path)):
            yield f"{place}, question {number}", row, question


def _question(video: dict[str, Any], row: dict[str, Any], place: str) -> Question:
    options = tuple(map(str, reading.either(row, OPTIONS, place)))
    sample, cluster = reading.name(row, "question_id", place), reading.name(video, "video_id", place)
    kinds = {"duration": DURATION, "domain": DOMAIN, "sub_category": SUB_CATEGORY}
    groups = {kind: (str(reading.either(video, keys, place)),) for kind, keys in kinds.items()}
    file = reading.inside(f"data/{video.get('videoID', cluster)}.mp4", place)
    return Question(
        sample_id=sample,
        cluster_id=cluster,
        text=reading.words(row, "question", place),
        gold=reading.letter_among(reading.words(row, "answer", place), options, place),
        options=options,
        media=file,
        groups={**groups, "task_type": (reading.words(row, "task_type", place),)},
        details={"subtitles": f"subtitle/{video.get('videoID', cluster)}.srt"},
    )
