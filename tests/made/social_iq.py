"""Social-IQ 2.0: one scorer, since there is no official one."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_lines

CHOICES: dict[str, Any] = {}
OPTIONS = ("She is glad.", "She is sad.", "She is tired.", "She is angry.")
SAID = (
    ("A", "A", True),
    ("(B)", "B", True),
    ("c", "C", True),
    ("D. She is angry.", "D", True),
    ("She is tired", "C", True),
    ("The answer is B.", "B", True),
    ("A woman laughs", "A", False),
    ("A or B", "A", False),
    ("not A but C", "C", True),
    ("", "D", False),
    ("E", "D", False),
    ("<think>A</think><answer>D</answer>", "D", True),
)
TRANSCRIPTS = tuple(Transcript(said, gold, right, right) for said, gold, right in SAID)


def make(folder: Path) -> Made:
    """JSON lines under the name .json, as they are published."""
    rows = [
        {
            "qid": f"made{number // 3}_q{number}",
            "q": "How does she feel?",
            "vid_name": f"made{number // 3}",
            "ts": "0.00-60.06",
            "ans_corr": OPTIONS["ABCD".index(transcript.gold)],
            "answer_idx": "ABCD".index(transcript.gold),
            "idx_types": ["rewrite", "matched", "corr", "matched"],
            **{f"a{n}": option for n, option in enumerate(OPTIONS)},
        }
        for number, transcript in enumerate(TRANSCRIPTS)
    ]
    said = [{"qid": row["qid"], "response": each.response} for row, each in zip(rows, TRANSCRIPTS, strict=True)]
    return Made(
        write_lines(folder / "qa_val.json", rows),
        write_lines(folder / "said.jsonl", said),
        [str(row["qid"]) for row in rows],
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
