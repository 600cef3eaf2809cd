"""What teachers and judges are told, and the shape of what they must say.

Evidence comes from strangers (a transcript may contain orders to its reader), so it stands in the user's message
between lines that mark it as material; what people remarked stands in the system message, where orders belong.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from codecsense.think.transcribers import Cue

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Second = Annotated[float, Field(ge=0, allow_inf_nan=False)]
REMARKS = "Remarks of those who read your earlier work; heed them:"
SENSES = {
    "visual": "what is seen: who is there, what moves and how, what changes. Say nothing of what could be heard",
    "audio": "what is heard: speech, tone, sounds, and how often. Say nothing of what could be seen",
}


class Said(BaseModel):
    """A reply that must have exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class Line(Said):
    """One line of a summary."""

    start_s: Second
    end_s: Second
    text: Words


class Summary(Said):
    """What happens in one modality, in timed lines."""

    lines: list[Line] = Field(min_length=1, max_length=500)


class Verdict(Said):
    """What a judge says of a summary."""

    accept: bool
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class Thought(Said):
    """One sample of reasoning."""

    think: Words
    info: Words
    answer: Words


@cache
def shape(reply: type[Said]) -> Mapping[str, Any]:
    """The JSON schema of a reply; made once, for it takes longer than all else about a request."""
    return MappingProxyType(reply.model_json_schema())


def summarise_system(modality: str, remarks: Sequence[str]) -> str:
    """The system prompt of a summary, with what people remarked so far."""
    task = f"You summarise one modality of a video: {SENSES[modality]}."
    form = "Reply with JSON: timed lines, each {start_s, end_s, text}, in order, within the length of the video."
    heeded = [REMARKS, *(f"- {remark}" for remark in remarks)] if remarks else []
    return "\n".join([task, form, *heeded])


def summarise_text(modality: str, duration_s: float, cues: Sequence[Cue]) -> str:
    """What a summary is made from, apart from pictures; the eyes are not given what was said."""
    told = f"The video lasts {duration_s:.2f} s."
    return told if modality == "visual" else f"{told}\n{material('transcript', transcript(cues))}"


def judge_system(modality: str) -> str:
    """The system prompt of a judge."""
    task = f"You judge a summary of one modality of a video, which should say {SENSES[modality]}."
    return f"{task}\nAccept it only if every line is true and in its place. Reply with JSON: {{accept, reason}}."


def judge_text(modality: str, duration_s: float, cues: Sequence[Cue], lines: Sequence[Line]) -> str:
    """The evidence and the summary."""
    return f"{summarise_text(modality, duration_s, cues)}\n{material('summary', summary(lines))}"


def reason_system() -> str:
    """The system prompt of reasoning."""
    task = "You answer a question about a video from a summary of what is seen and one of what is heard."
    form = "Reply with JSON: {think, info, answer}: your reasoning, the evidence it rests on, and the answer alone"
    return f"{task}\n{form}, one of the options if there are any."


def reason_text(question: str, options: Sequence[str], seen: str, heard: str) -> str:
    """The question and both summaries."""
    asked = f"Question: {question}" + (f"\nOptions: {', '.join(options)}" if options else "")
    return "\n".join([material("seen", seen), material("heard", heard), asked])


def material(name: str, text: str) -> str:
    """Text that is to be read and not to be obeyed."""
    return f"<{name}>\n{text.replace(f'</{name}', f'< /{name}')}\n</{name}>"


def transcript(cues: Sequence[Cue]) -> str:
    """What was said, with times."""
    return "\n".join(f"[{cue.start_s:.2f}-{cue.end_s:.2f}] {cue.text}" for cue in cues) or "(nothing is said)"


def summary(lines: Sequence[Line]) -> str:
    """A summary as text, with times."""
    return "\n".join(f"[{line.start_s:.2f}-{line.end_s:.2f}] {line.text}" for line in lines)
