"""LongVideoBench: what is not read is drawn, always the same for a question."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_json

CHOICES: dict[str, Any] = {"subtitles": True}
OPTIONS = ("a knife", "a spoon", "a fork", "a plate", "a cup")
TRANSCRIPTS = (
    Transcript("E", "E", True, True),
    Transcript("D. a plate", "D", True, True),
    Transcript("The best option is C", "C", True, True),
    Transcript("The best answer is (B).", "B", True, True),
    Transcript("Everything points to D", "D", False, True),  # the E of "Everything"
    Transcript("Answer: C", "C", False, True),
    Transcript("He Can Do it: B", "B", False, True),
    Transcript("I cannot say", "E", True, False),  # drawn from its id: E
    Transcript("", "B", False, False),  # drawn as well
    Transcript("the cup", "E", False, False),  # drawn: C; strictly not the words of an option
    Transcript("E", "C", False, False),
    Transcript("A spoon", "B", False, True),
    Transcript("<think>C, surely</think>B", "B", False, True),
)


def sample(number: int) -> str:
    return f"made{number // 2}_{number % 2}"


def make(folder: Path) -> Made:
    """Rows as in lvb_val.json, and an object from id to reply."""
    rows = [
        {
            "id": sample(number),
            "video_id": f"made{number // 2}",
            "video_path": f"made{number // 2}.mp4",
            "subtitle_path": f"made{number // 2}_en.json",
            "question": "What lies on the table?",
            "question_wo_referring_query": "What lies there?",
            "candidates": list(OPTIONS),
            "correct_choice": "ABCDE".index(transcript.gold),
            "position": [10],
            "topic_category": "KS-Knowledge-STEM",
            "question_category": "S2E" if number % 2 else "TOS",
            "level": "L1" if number % 2 else "L2-Relation",
            "duration_group": (15, 60, 600, 3600)[number % 4],
            "duration": 12.5,
            "starting_timestamp_for_subtitles": 0,
            "view_count": 1,
        }
        for number, transcript in enumerate(TRANSCRIPTS)
    ]
    said = {sample(number): transcript.response for number, transcript in enumerate(TRANSCRIPTS)}
    return Made(
        write_json(folder / "lvb_val.json", rows),
        write_json(folder / "submission.json", said),
        list(said),
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
