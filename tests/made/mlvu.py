"""MLVU, dev: tasks of different sizes, so that the mean of tasks is not the mean of questions."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, macro, write_json

CHOICES: dict[str, Any] = {"split": "dev"}
OPTIONS = ("red", "green", "blue", "none of them")
TRANSCRIPTS = (
    Transcript("A)", "A", True, True, kind="1_plotQA"),
    Transcript("B) green", "B", True, True, kind="1_plotQA"),
    Transcript("C", "C", True, True, kind="1_plotQA"),
    Transcript("(D) none of them", "D", False, True, kind="1_plotQA"),  # "(D" is not "D"
    Transcript("D. none of them", "D", False, True, kind="1_plotQA"),
    Transcript("", "B", False, False, kind="1_plotQA"),
    Transcript("b)", "B", False, True, kind="1_plotQA"),
    Transcript("The answer is B", "B", False, True, kind="1_plotQA"),
    Transcript("C) or D)", "C", True, False, kind="4_count"),
    Transcript(" A)", "A", False, True, kind="4_count"),  # a space is not forgiven
    Transcript("blue", "C", False, True, kind="4_count"),
    Transcript("A)", "D", False, False, kind="5_order"),
    Transcript("B)", "B", True, True, kind="5_order"),
)
GOLD = {"A": 0, "B": 1, "C": 2, "D": 3}


def make(folder: Path) -> Made:
    """Task files, a generation task that is left alone, and the results file of the official script."""
    tasks: dict[str, list[dict[str, Any]]] = {}
    results, samples = [], []
    for number, transcript in enumerate(TRANSCRIPTS):
        rows = tasks.setdefault(transcript.kind, [])
        samples.append(f"{transcript.kind}/{len(rows)}")
        row = {
            "video": f"{transcript.kind}_{number // 2}.mp4",
            "duration": 600.0,
            "question": f"Which colour comes first, {number}?",
            "candidates": list(OPTIONS),
            "answer": OPTIONS[GOLD[transcript.gold]],
            "question_type": "plotQA",
        }
        rows.append(row)
        options = "\n".join(f"({letter}) {option}" for letter, option in zip("ABCD", OPTIONS, strict=True))
        results.append(
            {
                "pred": transcript.response,
                "gt": f"({transcript.gold}) {row['answer']}",
                "question": f"Question: {row['question']}\nOptions:\n{options}",
                "question_type": transcript.kind,
                "video": f"somewhere/else/{row['video']}",
            }
        )
    for kind, rows in tasks.items():
        write_json(folder / f"json/{kind}.json", rows)
    write_json(folder / "json/9_summary.json", [{"video": "x.mp4", "question": "?", "answer": "a story"}])
    predictions = write_json(folder / "test_all_choice.json", {"acc_dict": {}, "res_list": results})
    scores = [macro(TRANSCRIPTS, scorer, lambda transcript: transcript.kind) for scorer in ("official", "strict")]
    return Made(folder / "json", predictions, samples, *scores)
