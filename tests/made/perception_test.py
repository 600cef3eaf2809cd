"""PerceptionTest: questions by video, and frames behind which the answer shows."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_json, write_lines

CHOICES: dict[str, Any] = {}
OPTIONS = ("left", "right", "it stays")
TRANSCRIPTS = (
    Transcript("A", "A", True, True),
    Transcript("B. right", "B", True, True),
    Transcript("(C)", "C", True, True),
    Transcript("A ball rolls, so B", "B", False, True),  # the article
    Transcript("A ball rolls", "A", True, False),
    Transcript("The answer is C", "C", True, True),
    Transcript("not A, but B", "B", False, True),
    Transcript("left", "A", False, True),
    Transcript("b", "B", False, True),
    Transcript("", "B", False, False),
    Transcript("D", "C", False, False),
    Transcript("B or C", "B", True, False),
)


def make(folder: Path) -> Made:
    """Both official files in a folder, and plain rows of replies in words."""
    videos: dict[str, Any] = {}
    samples = []
    for number, transcript in enumerate(TRANSCRIPTS):
        video = f"video_{number // 3}"
        entry = videos.setdefault(video, {"metadata": {"num_frames": 300}, "mc_question": []})
        entry["mc_question"].append(
            {
                "id": number % 3,
                "question": "Where does the ball go?",
                "options": list(OPTIONS),
                "answer_id": "ABC".index(transcript.gold),
                "area": "physics" if number % 2 else "memory",
                "reasoning": "predictive",
                "tag": ["motion", "containment"],
            }
        )
        samples.append(f"{video}/{number % 3}")
    write_json(folder / "valid/mc_question_valid.json", videos)
    write_json(folder / "valid/cut_frame_mapping_valid.json", {"video_0": 100})
    said = [{"sample_id": name, "response": each.response} for name, each in zip(samples, TRANSCRIPTS, strict=True)]
    predictions = write_lines(folder / "said.jsonl", said)
    return Made(folder / "valid", predictions, samples, share(TRANSCRIPTS, "official"), share(TRANSCRIPTS, "strict"))
