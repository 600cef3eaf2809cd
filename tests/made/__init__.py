"""Small files in the official layouts, written by us: for each benchmark a dozen questions with replies to them.

One file per benchmark: `CHOICES` for its settings, `TRANSCRIPTS`, and `make`, which writes annotations and predictions
into a folder. A transcript says how its reply must score under both scorers; None means that the official script leaves
it out of its denominator.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Settle = bool | None


class Transcript(NamedTuple):
    """A reply to a question with this gold answer, and whether it is right, officially and strictly."""

    response: str
    gold: str
    official: Settle
    strict: bool
    options: Sequence[str] = ()
    kind: str = ""  # whatever the benchmark groups by, where it matters


class Made(NamedTuple):
    """The files, the sample ids in the order of the transcripts, and both scores counted by hand."""

    annotations: Path
    predictions: Path
    samples: Sequence[str]
    official: float
    strict: float


def share(transcripts: Iterable[Transcript], scorer: str) -> float:
    """Correct over counted, where all questions count alike."""
    settled = [getattr(transcript, scorer) for transcript in transcripts]
    counted = [value for value in settled if value is not None]
    return sum(counted) / len(counted)


def macro(transcripts: Sequence[Transcript], scorer: str, kind: Callable[[Transcript], str]) -> float:
    """The mean of the kinds' shares."""
    kinds = sorted({kind(transcript) for transcript in transcripts})
    shares = [share([each for each in transcripts if kind(each) == own], scorer) for own in kinds]
    return sum(shares) / len(shares)


def write_json(path: Path, value: Any) -> Path:
    """JSON as people publish it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
