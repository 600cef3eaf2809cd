"""Video-MME: replies of the kinds on which the three public extractors disagree."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_json

CHOICES: dict[str, Any] = {"subtitles": False}
OPTIONS = ("A. A dog.", "B. Two cats.", "C. The horse.", "D. No animal.")
TRANSCRIPTS = (
    Transcript("C", "C", True, True),
    Transcript("Answer: C", "C", False, True),  # the A of "Answer"
    Transcript("Best answer: C", "C", False, True),  # the B of "Best": the script lost a comma
    Transcript("Best Option: (C)", "C", False, True),
    Transcript("A man enters, so the answer is C.", "C", False, True),
    Transcript("Based on the video, C", "C", False, True),
    Transcript("Both are wrong; D", "D", False, True),
    Transcript("<think>It is A or B.</think><answer>C</answer>", "C", False, True),
    Transcript("All of them appear. Answer: D", "D", False, True),
    Transcript("It is not A, it is C", "C", False, True),
    Transcript("c", "C", None, True),  # no capital: left out of the denominator
    Transcript("the horse", "C", None, True),
    Transcript("", "B", None, False),
    Transcript("no idea, sorry, this one is much too hard for me to say", "B", None, False),
    Transcript("A or B", "A", True, False),  # two answers are none
    Transcript("A. A dog.\nB. Two cats.\nC. The horse.", "A", True, False),  # the list read out
    Transcript("The best answer is B", "B", True, True),
    Transcript("The answer is A dog.", "A", True, True),
    Transcript("**D**", "D", True, True),
    Transcript("<think>surely B, but then", "B", True, False),  # cut off while thinking
    Transcript("\\boxed{\\text{B}}", "B", True, True),
    Transcript("C. The horse, though A is there too", "C", True, True),
    Transcript("I think it is D", "D", True, True),
    Transcript("Option B is right, not option C", "B", True, True),
)
KEYS = {
    "current": {"duration": "duration", "domain": "domain", "sub": "sub_category", "options": "options"},
    "older": {
        "duration": "duration_category",
        "domain": "video_category",
        "sub": "video_subcategory",
        "options": "choices",
    },
}
LENGTHS = ("short", "medium", "long")


def make(folder: Path) -> Made:
    """Flat annotation rows, as in the parquet file, and a submission with the current keys."""
    annotations = write_json(folder / "annotations.json", [row(n) for n in range(len(TRANSCRIPTS))])
    predictions = write_json(folder / "submission.json", submission("current"))
    return Made(
        annotations,
        predictions,
        [sample(n) for n in range(len(TRANSCRIPTS))],
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )


def sample(number: int) -> str:
    """Three questions of each video."""
    return f"{number // 3 + 1:03d}-{number % 3 + 1}"


def row(number: int) -> dict[str, Any]:
    """One row of the annotations."""
    video = number // 3
    return {
        "video_id": f"{video + 1:03d}",
        "duration": LENGTHS[video % 3],
        "domain": "Knowledge",
        "sub_category": "Geography" if video % 2 else "Law",
        "url": "",
        "videoID": f"made{video}",
        "question_id": sample(number),
        "task_type": "Object Recognition" if number % 2 else "Counting Problem",
        "question": "Which animal is seen?",
        "options": list(OPTIONS),
        "answer": TRANSCRIPTS[number].gold,
    }


def submission(form: str) -> list[dict[str, Any]]:
    """The videos with their questions and responses, under the keys of either script."""
    keys, videos = KEYS[form], []
    for video in range(len(TRANSCRIPTS) // 3):
        rows = [row(number) for number in range(3 * video, 3 * video + 3)]
        questions = [
            {
                "question_id": each["question_id"],
                "task_type": each["task_type"],
                "question": each["question"],
                keys["options"]: each["options"],
                "answer": each["answer"],
                "response": TRANSCRIPTS[3 * video + n].response,
            }
            for n, each in enumerate(rows)
        ]
        first = rows[0]
        videos.append(
            {
                "video_id": first["video_id"],
                keys["duration"]: first["duration"],
                keys["domain"]: first["domain"],
                keys["sub"]: first["sub_category"],
                "questions": questions,
            }
        )
    return videos
