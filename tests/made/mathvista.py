"""MathVista, by today's rule: choices are never left open, and a number may be written with a point."""

from pathlib import Path
from typing import Any

from made import Made, Transcript, share, write_json

CHOICES: dict[str, Any] = {"rule": "current"}
CHOICE, WHOLE, TENTH, LIST = "multi_choice text", "free_form integer", "free_form float", "free_form list"
COLOURS = ("red", "dark red", "green", "blue")
TRANSCRIPTS = (  # `response` stands for the extraction
    Transcript("B", "dark red", True, True, COLOURS, CHOICE),
    Transcript("(C) green", "green", True, True, COLOURS, CHOICE),
    Transcript("dark red", "dark red", True, True, COLOURS, CHOICE),
    Transcript("no idea", "red", True, False, COLOURS, CHOICE),  # nearest: six steps to "red", free credit
    Transcript("greenish", "green", True, False, COLOURS, CHOICE),  # nearest
    Transcript("b", "dark red", False, True, COLOURS, CHOICE),  # a small letter is one step from none: "red" is nearest
    Transcript("7", "7", True, True, (), WHOLE),
    Transcript("7.0", "7", True, True, (), WHOLE),  # not by the rule of 2023
    Transcript("7.9", "7", True, False, (), WHOLE),  # cut, not rounded
    Transcript("seven", "7", False, True, (), WHOLE),
    Transcript("14 apples", "14", False, True, (), WHOLE),
    Transcript("1e400", "7", False, False, (), WHOLE),
    Transcript("2.46", "2.5", True, True, (), TENTH),
    Transcript("2.4", "2.5", False, False, (), TENTH),
    Transcript("[1, 2]", "[1, 2]", True, True, (), LIST),
    Transcript("[1,2]", "[1, 2]", False, True, (), LIST),  # strings are compared
)


def make(folder: Path) -> Made:
    """testmini.json by pid, and the output with its extractions."""
    rows, said = {}, {}
    for number, transcript in enumerate(TRANSCRIPTS):
        question_type, answer_type = transcript.kind.split()
        row = {
            "question": "How many, or which?",
            "image": f"images/{number}.jpg",
            "choices": list(transcript.options) or None,
            "unit": None,
            "precision": 1.0 if answer_type == "float" else None,
            "answer": transcript.gold,
            "question_type": question_type,
            "answer_type": answer_type,
            "pid": str(number + 1),
            "metadata": {
                "category": "general-vqa",
                "context": "natural image",
                "grade": "not applicable",
                "language": "english",
                "skills": ["arithmetic reasoning", "statistical reasoning"][: 1 + number % 2],
                "source": "CLEVR-Math",
                "split": "testmini",
                "task": "math word problem",
            },
        }
        rows[str(number + 1)] = row
        extraction = {"query": "", "response": f"Well: {transcript.response}", "extraction": transcript.response}
        said[str(number + 1)] = row | extraction
    return Made(
        write_json(folder / "testmini.json", rows),
        write_json(folder / "output.json", said),
        list(rows),
        share(TRANSCRIPTS, "official"),
        share(TRANSCRIPTS, "strict"),
    )
