"""MATH-V: five options, or an open answer that the official script would hand to `eval`."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_lines

CHOICES: dict[str, Any] = {"split": "test"}
OPTIONS = ("12", "$\\frac{1}{2}$", "36", "48", "60")
TRANSCRIPTS = (
    Transcript("\\boxed{C}", "C", True, True, OPTIONS),
    Transcript("So it is \\boxed{36}", "C", True, True, OPTIONS),  # the value of the option
    Transcript("The answer is (D).", "D", True, True, OPTIONS),
    Transcript("The answer is D because it is", "D", False, True, OPTIONS),  # the whole sentence is compared
    Transcript("B", "B", True, True, OPTIONS),
    Transcript("", "A", False, False, OPTIONS),
    Transcript("\\boxed{\\frac{3}{6}}", "B", False, True, OPTIONS),  # the dollar signs of the option are not removed
    Transcript("\\boxed{2^{10}}", "1024", True, True),
    Transcript("The final answer is 1/3.", "\\frac{1}{3}", True, True),
    Transcript("\\boxed{\\sqrt{16}}", "4", True, True),
    Transcript("\\boxed{0.333}", "\\frac{1}{3}", True, True),  # two places are enough
    Transcript("It is 7", "7", True, False),  # "is " is enough officially; strictly it is an answer only if said so
    Transcript("\\boxed{(1, 2)}", "(1,2)", True, True),
    Transcript("\\boxed{__import__('os')}", "0", False, False),
    Transcript("\\boxed{9^{9^{9^{9}}}}", "9", False, False),
    Transcript("\\boxed{x+1}", "x+1", True, True),
    Transcript("\\boxed{1+x}", "x+1", False, False),
)


def make(folder: Path) -> Made:
    """test.jsonl and an output file of the official generation scripts."""
    rows = [
        {
            "id": str(number + 1),
            "question": "How large is it? <image1>",
            "options": list(transcript.options),
            "image": f"images/{number + 1}.jpg",
            "answer": transcript.gold,
            "solution": None,
            "level": 1 + number % 5,
            "subject": "counting" if number % 2 else "arithmetic",
        }
        for number, transcript in enumerate(TRANSCRIPTS)
    ]
    said = [{"id": row["id"], "response": each.response} for row, each in zip(rows, TRANSCRIPTS, strict=True)]
    return Made(
        write_lines(folder / "test.jsonl", rows),
        write_lines(folder / "output.jsonl", said),
        [str(row["id"]) for row in rows],
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
