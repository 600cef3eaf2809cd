"""VNBench: four tries of each sample, all of which must be right."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, write_json, write_lines

CHOICES: dict[str, Any] = {"rule": "eval"}
OPTIONS = ("apple", "banana", "cherry", "date")
TRANSCRIPTS = (
    *(Transcript(letter, letter, True, True, kind="1_ret_insert1") for letter in "ABCD"),
    Transcript("A. apple", "A", True, True, kind="2_ret_insert1"),
    Transcript("B", "B", True, True, kind="2_ret_insert1"),
    Transcript("C", "C", True, True, kind="2_ret_insert1"),
    Transcript("C", "D", False, False, kind="2_ret_insert1"),  # three of four are none
    Transcript("Answer: B", "B", False, True, kind="1_ord_edit1"),  # the A of "Answer"
    Transcript("(C)", "C", True, True, kind="1_ord_edit1"),
    Transcript("D", "D", True, True, kind="1_ord_edit1"),
    Transcript("A", "A", True, True, kind="1_ord_edit1"),
    Transcript("A or D", "A", True, False, kind="1_cnt_edit1"),
    Transcript("B", "B", True, True, kind="1_cnt_edit1"),
    Transcript("C", "C", True, True, kind="1_cnt_edit1"),
    Transcript("D", "D", True, True, kind="1_cnt_edit1"),
)


def make(folder: Path) -> Made:
    """Four questions about each video, and the rows of the official script.

    By hand: ret_insert1 has 1 of 2 samples right under both; ord_edit1 0 of 1 officially and 1 strictly; cnt_edit1
    1 of 1 officially and 0 strictly.
    """
    rows, said, samples = [], [], []
    for number, transcript in enumerate(TRANSCRIPTS):
        kind, tried = transcript.kind.partition("_")[2], number % 4
        rows.append(
            {
                "video": f"videos/{transcript.kind}.mp4",
                "question": "Which fruit is it?",
                "options": list(OPTIONS),
                "gt": "ABCD".index(transcript.gold) if number % 2 else transcript.gold,
                "type": kind,
                "try": tried,
                "length": 30,
            }
        )
        samples.append(f"{transcript.kind}_{tried}")
        gold = {"gt": transcript.gold, "type": kind, "try": tried}
        said.append({"question_id": samples[-1], "pred": transcript.response, **gold})
    annotations = write_json(folder / "VNBench-main-4try.json", rows)
    return Made(annotations, write_lines(folder / "said.jsonl", said), samples, 1.5 / 3, 1.5 / 3)
