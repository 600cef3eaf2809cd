"""OCRBench: containment, and what it lets pass."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_json

CHOICES: dict[str, Any] = {}
TYPES = {
    "svt": "Regular Text Recognition",
    "docVQA": "Doc-oriented VQA",
    "HME100k": "Handwritten Mathematical Expression Recognition",
}
EVERYTHING = " ".join(f"word{number}" for number in range(100)) + " stop"
TRANSCRIPTS = (  # answers are parted by "|"
    Transcript("STOP", "stop", True, True, kind="svt"),
    Transcript("It says Stop.", "stop", True, True, kind="svt"),
    Transcript(EVERYTHING, "stop", True, False, kind="svt"),  # everything is listed
    Transcript("nonstop", "stop", True, False, kind="svt"),  # inside another word
    Transcript("go", "stop", False, False, kind="svt"),
    Transcript("", "stop", False, False, kind="svt"),
    Transcript("12 May", "12 may|May 12", True, True, kind="docVQA"),
    Transcript("May  12", "12 may|May 12", False, True, kind="docVQA"),  # two spaces
    Transcript("$1,234", "234", True, False, kind="docVQA"),
    Transcript("x ^ { 2 }", "x^{2}", True, True, kind="HME100k"),
    Transcript("$x^{2}$", "x ^ { 2 }", True, True, kind="HME100k"),
    Transcript("X^{2}", "x^{2}", False, False, kind="HME100k"),  # case counts
    Transcript("x^{2}+1", "x^{2}", True, False, kind="HME100k"),
)


def make(folder: Path) -> Made:
    """OCRBench.json, and the same with predictions."""
    rows = []
    for number, transcript in enumerate(TRANSCRIPTS):
        answers = transcript.gold.split("|")
        rows.append(
            {
                "dataset_name": transcript.kind,
                "id": number % 3,
                "image_path": f"{transcript.kind}/{number}.jpg",
                "question": f"what is written in image {number}?",
                "answers": answers if len(answers) > 1 or number % 2 else answers[0],
                "type": TYPES[transcript.kind],
            }
        )
    said = [row | {"predict": transcript.response} for row, transcript in zip(rows, TRANSCRIPTS, strict=True)]
    return Made(
        write_json(folder / "OCRBench.json", rows),
        write_json(folder / "model.json", said),
        [str(number) for number in range(len(rows))],
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
