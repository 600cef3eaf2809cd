"""Video-R1 [1]: a JSON list of problems with `problem`, `solution` (in <answer> tags), `process` (thought) and `path`.

A problem is one question and one answer about at most one medium, which comes first. Whatever is more than that
is refused. Two optional fields of ours say that nothing stood between the parts where a line break usually does, so
that other formats' samples come back as they were.

References:
    [1] Feng et al., Video-R1: Reinforcing video reasoning in MLLMs, arXiv 2503.21776.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codecsense.corpora import PLACEHOLDERS, Medium, Sample, Turn, files
from codecsense.corpora.paths import checked

FORMAT = "video_r1"
BREAK = "\n"
LEAD, GLUE = "codecsense_lead", "codecsense_glue"
OPENING, CLOSING = "<answer>", "</answer>"


def read(path: Path) -> list[Sample]:
    """The samples of a .json or .jsonl file."""
    return files.each(files.read(path), path, _sample)


def write(samples: Sequence[Sample], path: Path) -> None:
    """Write samples as .json or .jsonl."""
    files.write(files.each(samples, path, _record), path)


def _sample(record: dict[str, Any]) -> Sample:
    rest, layout = dict(record), {"format": FORMAT}
    problem, solution = _text(rest, "problem"), _text(rest, "solution")
    media = _media(rest, layout)
    lead = _between(rest, LEAD)
    question = problem
    if media and PLACEHOLDERS[media[0].kind] not in problem:
        question = f"{PLACEHOLDERS[media[0].kind]}{lead}{problem}"
    else:
        layout["whole"] = "yes"
    answer = solution
    if "process" in rest:
        process = _text(rest, "process")
        answer = f"{process}{_between(rest, GLUE)}{solution}"
        layout["process"] = str(len(process))
    else:
        layout["process"] = "none"
    sample_id = ""
    if "problem_id" in rest:
        given = rest.pop("problem_id")
        sample_id = str(given)
        if not isinstance(given, str):
            layout["id"] = given
    turns = (Turn("user", question), Turn("assistant", answer))
    _expect_one_place(turns, media)
    return Sample(sample_id, turns, media, rest, layout)


def _media(rest: dict[str, Any], layout: dict[str, Any]) -> tuple[Medium, ...]:
    """The medium; a record without one (the CoT files leave it out) keeps its `data_type` as an extra field."""
    if not rest.get("path"):
        if "path" in rest:
            layout["path"] = rest.pop("path")
        return ()
    kind = rest.pop("data_type", None)
    if kind not in PLACEHOLDERS:
        raise ValueError(f"`data_type` is {kind!r}, not one of {', '.join(PLACEHOLDERS)}")
    return (Medium(kind, checked(rest.pop("path"))),)


def _between(rest: dict[str, Any], field: str) -> str:
    """What stands between two parts: a line break, unless the record says nothing does."""
    if field not in rest:
        return BREAK
    if rest.pop(field) != "":
        raise ValueError(f"field {field!r} can only be empty")
    return ""


def _text(rest: dict[str, Any], field: str) -> str:
    value = rest.pop(field, None)
    if not isinstance(value, str):
        raise ValueError(f"field {field!r} must be text, found {type(value).__name__}")
    return value


def _expect_one_place(turns: Sequence[Turn], media: Sequence[Medium]) -> None:
    found = [kind for turn in turns for kind, place in PLACEHOLDERS.items() for _ in range(turn.text.count(place))]
    if found != [medium.kind for medium in media]:
        raise ValueError(f"the texts speak of {found}, and there are {[medium.kind for medium in media]}")


def _record(sample: Sample) -> dict[str, Any]:
    if [turn.role for turn in sample.turns] != ["user", "assistant"] or len(sample.media) > 1:
        raise ValueError("Video-R1 holds one question, one answer and at most one medium; this sample is more")
    own = sample.layout.get("format") == FORMAT
    layout = sample.layout if own else {}
    own_fields = {"problem_id", "problem", "process", "solution", "path", LEAD, GLUE}
    clash = (own_fields | ({"data_type"} if sample.media else set())) & set(sample.extra)
    if clash:
        raise ValueError(f"the extra field {min(clash)!r} has a meaning of its own in Video-R1")
    _expect_one_place(sample.turns, sample.media)
    question, answer = (turn.text for turn in sample.turns)
    record: dict[str, Any] = {}
    if "id" in layout or sample.sample_id:
        record["problem_id"] = layout.get("id", sample.sample_id)
    record |= _problem(question, sample.media, whole=layout.get("whole") == "yes")
    record |= _solution(answer, layout)
    if sample.media:
        record |= {"data_type": sample.media[0].kind, "path": checked(sample.media[0].path)}
    elif "path" in layout:
        record["path"] = layout["path"]
    return record | sample.extra


def _problem(question: str, media: Sequence[Medium], *, whole: bool) -> dict[str, str]:
    if whole or not media:
        return {"problem": question}
    place = PLACEHOLDERS[media[0].kind]
    if not question.startswith(place):
        return {"problem": question}  # its placeholder stays where it is, and reading finds it there
    rest = question.removeprefix(place)
    if rest.startswith(BREAK):
        return {"problem": rest.removeprefix(BREAK)}
    return {"problem": rest, LEAD: ""}


def _solution(answer: str, layout: dict[str, Any]) -> dict[str, str]:
    if layout.get("process") == "none":
        return {"solution": answer}
    start = int(layout["process"]) if "process" in layout else answer.rfind(OPENING)
    if "process" not in layout and (start < 0 or not answer.endswith(CLOSING)):
        raise ValueError(f"the answer does not end in {OPENING}...{CLOSING}, which Video-R1 scores")
    before, after = answer[:start], answer[start:]
    if "process" in layout:
        glue = next(part for part in (BREAK, "") if after.startswith(part))
        told = {"process": before, "solution": after.removeprefix(glue)}
        return told if glue else {**told, GLUE: ""}
    if not before:
        return {"solution": after}
    if before.endswith(BREAK):
        return {"process": before.removesuffix(BREAK), "solution": after}
    return {"process": before, "solution": after, GLUE: ""}
