"""RealWorldQA: letters and the instruction stand inside the question."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_lines

CHOICES: dict[str, Any] = {}
LETTERS = (
    "Which lane may turn?\n\nA. The left lane.\nB. The right lane.\nC. Both.\n"
    "Please answer directly with only the letter of the correct option and nothing else."
)
WORD = "How many cars are there?\nPlease answer directly with a single word or number."
TRANSCRIPTS = (
    Transcript("A", "A", True, True, kind=LETTERS),
    Transcript("a.", "A", True, True, kind=LETTERS),
    Transcript("B. The right lane.", "B", False, True, kind=LETTERS),
    Transcript("(C)", "C", False, True, kind=LETTERS),
    Transcript("The answer is B", "B", False, True, kind=LETTERS),
    Transcript("Both", "C", False, True, kind=LETTERS),
    Transcript("A car turns", "A", False, False, kind=LETTERS),
    Transcript("", "B", False, False, kind=LETTERS),
    Transcript("2", "2", True, True, kind=WORD),
    Transcript("two", "2", False, True, kind=WORD),
    Transcript("Yes.", "Yes", True, True, kind=WORD),
    Transcript("3", "2", False, False, kind=WORD),
    Transcript("A", "2", False, False, kind=WORD),
)


def make(folder: Path) -> Made:
    """Rows of question and answer."""
    rows = [{"question": transcript.kind, "answer": transcript.gold} for transcript in TRANSCRIPTS]
    samples = [str(number) for number in range(len(rows))]
    said = [{"sample_id": name, "response": each.response} for name, each in zip(samples, TRANSCRIPTS, strict=True)]
    return Made(
        write_lines(folder / "test.jsonl", rows),
        write_lines(folder / "said.jsonl", said),
        samples,
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
