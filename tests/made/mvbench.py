"""MVBench: `pred` begins with the "(" that the prompt leaves open."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, macro, write_json

CHOICES: dict[str, Any] = {}
OPTIONS = ("He sat down.", "He stood up.", "He left.", "He came in.")
TRANSCRIPTS = (
    Transcript("(C) He left.", "C", True, True, kind="action_sequence"),
    Transcript("(A", "C", False, False, kind="action_sequence"),
    Transcript("", "C", True, False, kind="action_sequence"),  # a substring of everything
    Transcript("(", "C", True, False, kind="action_sequence"),
    Transcript(".", "C", True, False, kind="action_sequence"),
    Transcript("(b)", "B", True, True, kind="action_count"),
    Transcript("B", "B", True, True, kind="action_count"),
    Transcript("(B).", "B", True, True, kind="action_count"),
    Transcript("B) He stood up.", "B", True, True, kind="action_count"),
    Transcript("The answer is B", "B", False, True, kind="action_count"),  # the first word is "the"
    Transcript("Answer: (B)", "B", False, True, kind="episodic_reasoning"),
    Transcript("(D)or(A)", "A", True, False, kind="episodic_reasoning"),  # the right one is contained
    Transcript("(D) He came in.", "D", True, True, kind="episodic_reasoning"),
)
GOLD = {"A": 0, "B": 1, "C": 2, "D": 3}


def rows(kind: str) -> list[dict[str, Any]]:
    """One task file."""
    found = []
    for number, transcript in enumerate(each for each in TRANSCRIPTS if each.kind == kind):
        row: dict[str, Any] = {
            "video": f"{kind}_{number // 2}.mp4",
            "question": f"What did he do, {number}?",
            "candidates": list(OPTIONS),
            "answer": OPTIONS[GOLD[transcript.gold]],
        }
        if kind in ("action_sequence", "episodic_reasoning"):
            row |= {"start": 1.0, "end": 3.5}
        if kind == "episodic_reasoning":
            row["subtitle"] = "someone: come in"
        found.append(row)
    return found


def make(folder: Path) -> Made:
    """Three task files and the results file of the official script, in the order of the files' names."""
    kinds = sorted({transcript.kind for transcript in TRANSCRIPTS})
    for kind in kinds:
        write_json(folder / f"json/{kind}.json", rows(kind))
    ordered = sorted(TRANSCRIPTS, key=lambda transcript: transcript.kind)
    results = [
        {"pred": transcript.response, "gt": f"({transcript.gold}) {OPTIONS[GOLD[transcript.gold]]}"}
        for transcript in ordered
    ]
    predictions = write_json(folder / "test.json", {"acc_dict": {}, "res_list": results})
    counts: dict[str, int] = {}
    samples = []
    for transcript in TRANSCRIPTS:
        number = counts.setdefault(transcript.kind, 0)
        counts[transcript.kind] += 1
        samples.append(f"{transcript.kind}/{number}")
    scores = [macro(TRANSCRIPTS, scorer, lambda transcript: transcript.kind) for scorer in ("official", "strict")]
    return Made(folder / "json", predictions, samples, *scores)
