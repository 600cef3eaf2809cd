"""Video-MMMU: ten options in two tracks, choices and open questions in the third."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, macro, write_json

CHOICES: dict[str, Any] = {"split": "all"}
TEN = tuple(
    f"about {word}" for word in ["ants", "bees", "cats", "dogs", "eels", "foxes", "gnats", "hens", "ibises", "jays"]
)
TRANSCRIPTS = (
    Transcript("G", "G", True, True, TEN, "Perception"),
    Transcript("G. about gnats", "G", True, True, TEN, "Perception"),
    Transcript("As NASA. says, it is C", "C", False, True, TEN, "Perception"),  # the A before the full stop
    Transcript("Answer: J", "J", True, True, TEN, "Perception"),
    Transcript("I think it is about dogs in the end", "D", False, False, TEN, "Perception"),  # "I " is an option
    Transcript("", "B", None, False, TEN, "Comprehension"),
    Transcript("API Error", "B", None, False, TEN, "Comprehension"),
    Transcript("no", "B", False, False, TEN, "Comprehension"),
    Transcript("(B) or (E)", "E", True, False, TEN, "Comprehension"),  # the last one counts
    Transcript("it seems to be about bees, as far as we can see", "B", True, False, TEN, "Comprehension"),
    Transcript("(B) is right, (E) is wrong", "B", False, False, TEN, "Comprehension"),
    Transcript("c", "C", False, True, TEN, "Comprehension"),
    Transcript("The result is 12.", "12", True, True, (), "Adaptation"),
    Transcript("12 and 15", "15", True, False, (), "Adaptation"),  # any of the numbers will do
    Transcript("3/4", "0.75", False, True, (), "Adaptation"),
    Transcript("not the Nile", "Nile", True, False, (), "Adaptation"),  # contained
    Transcript("(B)", "B", False, True, TEN[:4], "Adaptation"),  # no question_type: officially an open question
)


def make(folder: Path) -> Made:
    """The three official files, and replies by track and id."""
    tracks: dict[str, dict[str, Any]] = {}
    said: dict[str, dict[str, str]] = {}
    samples = []
    for number, transcript in enumerate(TRANSCRIPTS):
        rows = tracks.setdefault(transcript.kind, {})
        name = f"dev_{'Biology' if number % 2 else 'Art_Theory'}_{len(rows)}"
        row: dict[str, Any] = {"id": name, "link_selected": "", "question": "What is it about?"}
        row |= {"options": list(transcript.options), "answer": transcript.gold}
        if transcript.kind == "Adaptation" and not transcript.options:
            row["question_type"] = "open"
        rows[str(len(rows))] = row
        said.setdefault(transcript.kind, {})[name] = transcript.response
        samples.append(f"{transcript.kind}/{name}")
    for track, rows in tracks.items():
        write_json(folder / f"data/{track.lower()}_video.json", {track: rows})
    scores = [macro(TRANSCRIPTS, scorer, lambda transcript: transcript.kind) for scorer in ("official", "strict")]
    return Made(folder / "data", write_json(folder / "said.json", said), samples, *scores)
