"""PerceptionTest, multiple-choice video question answering: three options, valid split [1].

Some videos show the answer at their end and must be cut at the frame that `cut_frame_mapping_valid.json` names; frames
of a benchmark read without that file are refused. The challenge takes the number of an option; replies in words are
officially read as the first letter A to D on its own, so that the article "A" is an answer.

References:
    [1] Patraucean et al., Perception Test, arXiv 2305.13786; the task perceptiontest of lmms-eval for words.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import BenchmarkConfig, Question, Reply, Verdict, Video, lettered, middles, plain_rows
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import strict_choice, unread

LETTER = re.compile(r"\b([A-D])\b")
QUESTIONS, CUTS = "mc_question_valid.json", "cut_frame_mapping_valid.json"


class Settings(BenchmarkConfig):
    """No choices."""

    title: ClassVar[str] = "PerceptionTest (multiple choice)"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "perception-test/top-1, words as lmms-eval/perceptiontest"
    strict_id: ClassVar[str] = "codecsense/letters-1"
    name: Literal["perception_test"]

    @property
    def split_name(self) -> str:
        return "valid"

    def read(self, annotations: Path) -> list[Question]:
        """From a folder with both official files, from the questions alone, or from flat rows (parquet)."""
        file = annotations / QUESTIONS if annotations.is_dir() else annotations
        cuts = reading.document(annotations / CUTS) if annotations.is_dir() else None
        document = reading.document(file)
        if isinstance(document, list):
            return [
                _question(reading.name(row, "video_name", at), row, at, cuts)
                for at, row in reading.rows(document, file)
            ]
        found = []
        for video, entry in reading.table(document, file):
            if not isinstance(entry, dict) or "mc_question" not in entry:
                raise ValueError(f"{file}, {video} must hold mc_question")
            found += [_question(video, row, place, cuts) for place, row in reading.rows(entry["mc_question"], file)]
        return found

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """Per video a list of {id, answer_id, answer}, as the challenge takes them, or plain rows."""
        document = reading.document(predictions)
        if not isinstance(document, dict) or not all(isinstance(entry, list) for entry in document.values()):
            yield from plain_rows(predictions)
            return
        for video, entry in document.items():
            for place, row in reading.rows(entry, predictions):
                chosen = reading.letter_of(reading.needed(row, "answer_id", place), ("",) * 3, place)
                yield f"{video}/{reading.name(row, 'id', place)}", Reply(chosen)

    def prompt(self, question: Question) -> str:
        instruction = "Answer with the option's letter from the given choices directly."
        return f"{question.text}\n{lettered(question.options)}\n{instruction}"

    def frames(self, question: Question, video: Video, budget: int) -> list[int]:
        if "cut_frame" not in question.details:
            raise ValueError(f"some videos end with the answer; read the folder that holds {CUTS} too")
        cut = question.details["cut_frame"]
        end = min(video.num_frames, cut) if isinstance(cut, int) else video.num_frames
        return middles(0, end, min(budget, end))

    def official(self, question: Question, reply: Reply) -> Verdict:
        match = LETTER.search(reply.response)
        return Verdict(match[1], "ok", match[1] == question.gold) if match else unread(reply)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)


def _question(video: str, row: Mapping[str, Any], place: str, cuts: Mapping[str, Any] | None) -> Question:
    options = reading.texts(row, "options", place)
    name = reading.inside(video, place)
    tags = reading.texts(row, "tag", place) if isinstance(row.get("tag"), list) else ()
    return Question(
        sample_id=f"{video}/{reading.either(row, ('id', 'question_id'), place)}",
        cluster_id=video,
        text=reading.words(row, "question", place),
        gold=reading.letter_of(_whole(reading.needed(row, "answer_id", place)), options, place),
        options=options,
        media=f"videos/{name}.mp4",
        groups={
            "area": (reading.words(row, "area", place),),
            "reasoning": (reading.words(row, "reasoning", place),),
            "tag": tags,
        },
        details={} if cuts is None else {"cut_frame": cuts.get(video)},
    )


def _whole(value: Any) -> Any:
    """Flat rows carry the number of the option as text."""
    return int(value) if isinstance(value, str) and value.isdigit() else value
