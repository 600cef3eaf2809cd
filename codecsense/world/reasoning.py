"""How a joint question is answered in two stages: what each sense should sum up, the thought and the evidence.

Summaries are directed at the question, as HippoVLM's are: the eyes tell only of the sprites that it names (of both
where it asks which one), the ears only of the tones that name the parts.
"""

import polars as pl

from codecsense.world import NUM_INTERVALS
from codecsense.world.questions import NUMBERS, Actor, Clip
from codecsense.world.script import COLOURS


def rationales(clips: list[Clip], questions: pl.DataFrame) -> pl.DataFrame:
    """The table of rationales: a row for each joint question."""
    by_id = {clip.clip_id: clip for clip in clips}
    joint = questions.filter(pl.col("type") == "joint")
    return pl.DataFrame(
        [
            {key: row[key] for key in ("question_id", "clip_id", "split")}
            | rationale(by_id[row["clip_id"]], row["text"])
            for row in joint.iter_rows(named=True)
        ]
    )


def rationale(clip: Clip, question: str) -> dict[str, str]:
    """Summaries, thought and evidence for a question that names its moment by the tone."""
    words = question.split()
    tone = next(word for word in reversed(words) if word in clip.pitches)
    interval = clip.pitches.index(tone)
    named = [actor for actor in clip.actors if actor.colour in words] or list(clip.actors)
    return {
        "summary_visual": " ".join(f"{NUMBERS[part]} {_deeds(named, part)}" for part in range(NUM_INTERVALS)),
        "summary_audio": " ".join(f"{NUMBERS[part]} {clip.pitches[part]}" for part in range(NUM_INTERVALS)),
        "think": f"tone {tone} part {NUMBERS[interval]}",
        "info": _deeds(named, interval),
    }


def _deeds(actors: list[Actor], part: int) -> str:
    told = sorted(actors, key=lambda actor: COLOURS.index(actor.colour))
    return " ".join(_deed(actor, part) for actor in told)


def _deed(actor: Actor, part: int) -> str:
    action = actor.actions[part]
    words = [actor.colour, action.kind, *(word for word in (action.way, action.spin) if word != "none")]
    return " ".join([*words, *([f"n{action.count}"] if action.count else [])])
