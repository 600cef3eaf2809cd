"""How a joint question is answered in two stages, in words: what each sense knows of it, the thought, the evidence.

Each summary is written from its own sense alone [1]: the eyes cannot know which part the tone means and tell of every
part; the ears know when the tone sounded and nothing of who moved.

References:
    [1] HippoVLM, CVPR 2026: question-directed summaries, one per modality.
"""

from typing import NamedTuple

from codecsense.world import NUM_INTERVALS
from codecsense.world.questions import NUMBERS, Clip, Question, phrase


class Rationale(NamedTuple):
    """The texts of one joint question, all in the closed vocabulary."""

    summary_visual: str
    summary_audio: str
    think: str
    info: str


def rationale(clip: Clip, question: Question) -> Rationale:
    """The rationale of a joint question about this clip."""
    part, pitch = f"part {NUMBERS[question.moment]}", clip.pitches[question.moment]
    asks_who = question.kind == "who"
    colours = [actor.colour for actor in clip.actors] if asks_who else [question.colour]
    seen = [f"part {NUMBERS[n]} : {_deeds(clip, n, colours)}" for n in range(NUM_INTERVALS)]
    evidence = _deeds(clip, question.moment, [question.colour])
    return Rationale(
        summary_visual=" ; ".join(seen),
        summary_audio=f"{pitch} in {part}",
        think=f"the tone was {pitch} in {part} and in {part} {evidence} so {question.answer}",
        info=f"{part} : {evidence}",
    )


def _deeds(clip: Clip, interval: int, colours: list[str]) -> str:
    """What the actors of these colours do in an interval."""
    told = [actor for actor in clip.actors if actor.colour in colours]
    return " , ".join(f"{actor.colour} {phrase(actor.actions[interval])}" for actor in told)
