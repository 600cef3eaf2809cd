"""What can be asked of a clip and has exactly one right answer, and how its intervals are described.

Static questions are answered by the anchors, each by one of them. Hidden ones are not: they ask about actions that end
as they began, and never let an anchor help by exclusion (who swung is not asked where a `go`, which anchors show, left
one candidate less). Audio questions need the sound alone; joint ones name the moment by its tone and ask for a motion.
"""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import polars as pl

from codecsense.schemas.facts import Facts
from codecsense.schemas.sounds import Sounds
from codecsense.world import GRID, NUM_INTERVALS
from codecsense.world.script import COLOURS, PITCHES, RETURNING, SHAPES, SPINS, WAYS, Action

NUMBERS = ("one", "two", "three")  # of the parts
COUNTS = ("1", "2", "3")  # of what happens in one
CELLS = tuple(f"{column}{row}" for row in range(1, GRID + 1) for column in "abcd")
OPTIONS: dict[str, tuple[str, ...]] = {
    "colour": COLOURS,
    "shape": SHAPES,
    "where": CELLS,
    "exists": ("yes", "no"),
    "way": tuple(WAYS),
    "swings": COUNTS,
    "flashes": COUNTS,
    "kind": RETURNING,
    "spin": SPINS,
    "who": COLOURS,
    "when": NUMBERS,
    "pitch": PITCHES,
    "beeps": COUNTS,
}


class Actor(NamedTuple):
    """A sprite as the tables describe it: `cells` at the anchors, `actions` between them."""

    colour: str
    shape: str
    cells: tuple[int, ...]
    actions: tuple[Action, ...]


class Clip(NamedTuple):
    """All that is asked about: two actors, and per interval the pitch and the number of beeps."""

    clip_id: str
    split: str
    actors: tuple[Actor, ...]
    pitches: tuple[str, ...]
    beeps: tuple[int, ...]


class Question(NamedTuple):
    """One question; `interval` is the one it names, -1 where it names none."""

    type: str
    kind: str
    interval: int
    text: str
    answer: str
    moment: int = -1  # the interval it is about, though it may name it by its tone only
    colour: str = ""  # of the actor whose action it is about
    deed: str = ""  # where it asks who: what was done


def clips(facts: pl.DataFrame, sounds: pl.DataFrame) -> list[Clip]:
    """The clips that both tables describe, in the order of the facts."""
    heard = sounds.sort(Sounds.interval).partition_by(Sounds.clip_id, as_dict=True)
    seen = facts.sort(Facts.interval, Facts.sprite, maintain_order=True)
    return [
        Clip(
            clip_id=str(key[0]),
            split=rows[Facts.split][0],
            actors=tuple(_actor(each) for each in rows.partition_by(Facts.sprite)),
            pitches=tuple(heard[key][Sounds.pitch]),
            beeps=tuple(heard[key][Sounds.beeps]),
        )
        for key, rows in seen.partition_by(Facts.clip_id, as_dict=True).items()
    ]


def _actor(rows: pl.DataFrame) -> Actor:
    actions = rows.select("kind", "way", "count", "spin").iter_rows(named=True)
    return Actor(
        colour=rows[Facts.colour][0],
        shape=rows[Facts.shape][0],
        cells=(*rows[Facts.cell_from], rows[Facts.cell_to][-1]),
        actions=tuple(Action(**action) for action in actions),
    )


def ask(clip: Clip, *, seed: int) -> list[Question]:
    """Every question that the clip answers in exactly one way; `seed` chooses what is asked for and not there."""
    random = np.random.default_rng([seed, crc32(clip.clip_id.encode())])
    questions = [*_static(clip, random), *_when(clip), *_audio(clip)]
    for interval in range(NUM_INTERVALS):
        questions += _moment(clip, interval, sense="hidden", named=interval, moment=f"in part {NUMBERS[interval]}")
        questions += _moment(
            clip, interval, sense="joint", named=-1, moment=f"while the tone was {clip.pitches[interval]}"
        )
    return questions


def _static(clip: Clip, random: np.random.Generator) -> Iterator[Question]:
    for actor in clip.actors:
        yield Question("static", "colour", -1, f"what colour was the {actor.shape} ?", actor.colour)
        yield Question("static", "shape", -1, f"what shape was {actor.colour} ?", actor.shape)
        for interval, cell in enumerate(actor.cells[:-1]):
            part = f"part {NUMBERS[interval]}"
            text = f"where was {actor.colour} at the start of {part} ?"
            yield Question("static", "where", interval, text, CELLS[cell])
        yield Question("static", "where", -1, f"where was {actor.colour} at the end ?", CELLS[actor.cells[-1]])
    yield from _exists(clip, random)


def _exists(clip: Clip, random: np.random.Generator) -> Iterator[Question]:
    """As often yes as no."""
    there = [(actor.colour, actor.shape) for actor in clip.actors]
    absent = [(colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in there]
    chosen = [absent[n] for n in random.permutation(len(absent))[: len(there)]]
    for answer, pairs in (("yes", there), ("no", chosen)):
        for colour, shape in pairs:
            yield Question("static", "exists", -1, f"was there a {colour} {shape} ?", answer)


def _audio(clip: Clip) -> Iterator[Question]:
    for interval in range(NUM_INTERVALS):
        part = f"part {NUMBERS[interval]}"
        yield Question("audio", "pitch", interval, f"how high was the tone in {part} ?", clip.pitches[interval])
        beeps = COUNTS[clip.beeps[interval] - 1]
        yield Question("audio", "beeps", interval, f"how many beeps were there in {part} ?", beeps)


def _moment(clip: Clip, interval: int, *, sense: str, named: int, moment: str) -> Iterator[Question]:
    """What can be asked of one interval, which the text calls `moment`."""

    def about(actor: Actor, kind: str, text: str, answer: str, deed: str = "") -> Question:
        return Question(sense, kind, named, f"{text} {moment} ?", answer, interval, actor.colour, deed)

    for actor in clip.actors:
        action, one = actor.actions[interval], actor.colour
        if action.kind in RETURNING:
            yield about(actor, "kind", f"what did {one} do", action.kind)
        if action.kind == "swing":
            yield about(actor, "way", f"which way did {one} swing", action.way)
            yield about(actor, "swings", f"how many times did {one} swing", COUNTS[action.count - 1])
        if action.kind == "flash":
            yield about(actor, "flashes", f"how many times did {one} flash", COUNTS[action.count - 1])
        if action.kind == "orbit":
            yield about(actor, "spin", f"which way did {one} orbit", action.spin)
    actions = [actor.actions[interval] for actor in clip.actors]
    if all(action.kind in RETURNING for action in actions):
        for actor, other in zip(clip.actors, reversed(actions), strict=True):
            deed = _told_apart(actor.actions[interval], [other])
            if deed is not None:
                yield about(actor, "who", f"who did {deed}", actor.colour, deed)


def _when(clip: Clip) -> Iterator[Question]:
    for actor in clip.actors:
        if any(action.kind not in RETURNING for action in actor.actions):
            continue
        for interval, action in enumerate(actor.actions):
            deed = _told_apart(action, [*actor.actions[:interval], *actor.actions[interval + 1 :]])
            if deed is not None:
                text = f"in which part did {actor.colour} {deed} ?"
                yield Question("hidden", "when", -1, text, NUMBERS[interval])


def deeds(action: Action) -> list[str]:
    """What may be said that somebody did, all of it true of this action, the most general first."""
    said = ["stay still" if action.kind == "still" else action.kind]
    said += [f"{action.kind} {word}" for word in (action.way, action.spin) if word != "none"]
    return said + ([f"{action.kind} {COUNTS[action.count - 1]} times"] if action.count else [])


def _told_apart(action: Action, others: list[Action]) -> str | None:
    """The most general words that are true of this action and of none of the others; None if there are none."""
    return next((deed for deed in deeds(action) if not any(deed in deeds(other) for other in others)), None)


def visual_caption(clip: Clip, interval: int) -> str:
    """What both sprites do in an interval, in the order of their cells at its opening anchor."""
    told = sorted(clip.actors, key=lambda actor: actor.cells[interval])
    return " ".join(f"{actor.colour} {actor.shape} {phrase(actor.actions[interval])} ;" for actor in told)


def audio_caption(clip: Clip, interval: int) -> str:
    """What is heard in an interval."""
    return f"{clip.pitches[interval]} {clip.beeps[interval]}"


def phrase(action: Action) -> str:
    """Kind, direction and count, `_` where one does not apply."""
    direction = next((word for word in (action.way, action.spin) if word != "none"), "_")
    return f"{action.kind} {direction} {action.count or '_'}"
