"""How a joint question is answered in two stages, in words: what each sense knows of it, the thought, the evidence.

Each summary is written from its own sense alone [1]: the eyes cannot know which part the tone means and tell of every
part; the ears know when the tone sounded and nothing of who moved. Short, since every word is generated one by one.

References:
    [1] HippoVLM, CVPR 2026: question-directed summaries, one per modality.
"""

from typing import NamedTuple

from codecsense.world import NUM_INTERVALS
from codecsense.world.questions import NUMBERS, Clip, Question, deeds, phrase


class Rationale(NamedTuple):
    """The texts of one joint question, all in the closed vocabulary."""

    summary_visual: str
    summary_audio: str
    think: str
    info: str


def rationale(clip: Clip, question: Question) -> Rationale:
    """The rationale of a joint question about this clip."""
    part, pitch = f"part {NUMBERS[question.moment]}", clip.pitches[question.moment]
    told = _who_did if question.kind == "who" else _what_was_done
    decisive = next(actor for actor in clip.actors if actor.colour == question.colour).actions[question.moment]
    return Rationale(
        summary_visual=" ; ".join(f"{NUMBERS[n]} {told(clip, question, n)}" for n in range(NUM_INTERVALS)),
        summary_audio=f"{pitch} in {part}",
        think=f"{pitch} in {part} so {question.colour} {phrase(decisive)}",
        info=part,
    )


def _what_was_done(clip: Clip, question: Question, interval: int) -> str:
    """What the actor in question did."""
    return " ".join(phrase(actor.actions[interval]) for actor in clip.actors if actor.colour == question.colour)


def _who_did(clip: Clip, question: Question, interval: int) -> str:
    """The colours of all who did the deed in question, or `none`."""
    doers = [actor.colour for actor in clip.actors if question.deed in deeds(actor.actions[interval])]
    return " ".join(doers) or "none"
