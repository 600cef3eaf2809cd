"""The micro world: the pipeline's own tables of questions and answers."""

from pathlib import Path
from typing import Any

from codecsense.schemas import answers, from_rows, questions
from codecsense.schemas.answers import Answers
from codecsense.schemas.questions import Questions
from made import Made, Transcript, share

CHOICES: dict[str, Any] = {"rule": "direct"}
OPTIONS = ("left", "right", "up", "down")
TRANSCRIPTS = (
    Transcript("left", "left", True, True),
    Transcript("right", "right", True, True),
    Transcript("up", "down", False, False),
    Transcript("Left", "left", False, True),
    Transcript("left .", "left", False, True),
    Transcript("<answer> up </answer>", "up", False, True),
    Transcript("", "up", False, False),
    Transcript("left or right", "left", False, False),
    Transcript("down", "down", True, True),
    Transcript("down", "up", False, False),
    Transcript("up", "up", True, True),
    Transcript("right", "left", False, False),
)


def make(folder: Path) -> Made:
    """The tables of one run, with a question of another split and an answer in two stages."""
    asked, said, samples = [], [], []
    for number, transcript in enumerate(TRANSCRIPTS):
        name, clip = f"q{number}", f"test_{number // 2:05d}"
        asked.append(
            {
                "question_id": name,
                "clip_id": clip,
                "split": "test",
                "type": "hidden" if number % 2 else "joint",
                "kind": "way",
                "interval": 0,
                "text": "which way did the red one swing in part one ?",
                "answer": transcript.gold,
                "options": list(OPTIONS),
            }
        )
        said.append(
            {
                "run": "full",
                "mode": "direct",
                "question_id": name,
                "clip_id": clip,
                "type": asked[-1]["type"],
                "kind": "way",
                "gold": transcript.gold,
                "response": transcript.response,
                "predicted": transcript.response,
                "correct": transcript.response == transcript.gold,
                "context_tokens": 40,
            }
        )
        samples.append(name)
    asked.append(asked[0] | {"question_id": "other", "split": "train"})
    said.append(
        said[0] | {"mode": "two_stage", "response": "<answer> up </answer>", "predicted": "up", "correct": False}
    )
    questions.write(from_rows(Questions, asked), folder / "questions.parquet")
    answers.write(from_rows(Answers, said), folder / "answers.parquet")
    return Made(
        folder / "questions.parquet",
        folder / "answers.parquet",
        samples,
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
