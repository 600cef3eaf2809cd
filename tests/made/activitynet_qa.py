"""ActivityNet-QA, exact: one string is as good as another only if it is the same."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_json

CHOICES: dict[str, Any] = {"rule": "exact"}
TRANSCRIPTS = (  # `kind` is the type, in the order of the file, which is not 0 to 8
    Transcript("yes", "yes", True, True, kind="3"),
    Transcript("Yes.", "yes", False, True, kind="3"),
    Transcript("red", "red", True, True, kind="4"),
    Transcript("a ball", "ball", False, True, kind="5"),
    Transcript("jumping", "jumping", True, True, kind="0"),
    Transcript("run", "running", False, False, kind="0"),
    Transcript("left", "on the left", False, False, kind="1"),
    Transcript("before the dance", "before the dance", True, True, kind="2"),
    Transcript("two", "2", False, True, kind="7"),
    Transcript("2", "2", True, True, kind="7"),
    Transcript("beach", "beach", True, True, kind="6"),
    Transcript("", "cook", False, False, kind="8"),
    Transcript("no", "yes", False, False, kind="3"),
)


def make(folder: Path) -> Made:
    """Questions, answers and predictions, as they are published."""
    samples = [f"made{number // 2}_{number}" for number in range(len(TRANSCRIPTS))]
    asked = [{"video_name": name.partition("_")[0], "question": "what is it", "question_id": name} for name in samples]
    answered = [
        {"answer": transcript.gold, "type": int(transcript.kind), "question_id": name}
        for name, transcript in zip(samples, TRANSCRIPTS, strict=True)
    ]
    write_json(folder / "dataset/test_q.json", asked)
    write_json(folder / "dataset/test_a.json", answered)
    said = [{"question_id": name, "answer": each.response} for name, each in zip(samples, TRANSCRIPTS, strict=True)]
    predictions = write_json(folder / "said.json", said)
    return Made(folder / "dataset", predictions, samples, share(TRANSCRIPTS, "official"), share(TRANSCRIPTS, "strict"))
