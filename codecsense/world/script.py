"""What happens in a clip, drawn from a seed: the sprites, their actions, the pans and the sounds.

Facts are drawn so that a guess gains nothing: kinds, ways, counts and spins are uniform and independent of place,
colour and shape. Sprites keep two cells apart, also while one of them goes, so they never cover each other.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from codecsense.world import GRID, NUM_INTERVALS, WorldConfig

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "triangle")
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # x to the right, y downward
SPINS = ("cw", "ccw")
RETURNING = ("still", "swing", "orbit", "flash")  # kinds that end as they began
PITCHES = ("low", "mid", "high")
JITTER_PX = 2
MAX_COUNT = 3


@dataclass(frozen=True)
class Action:
    """What one sprite does in one interval; fields that do not apply are "none" or 0."""

    kind: str
    way: str = "none"
    count: int = 0
    spin: str = "none"


class Sprite(NamedTuple):
    """One actor: `cells` at the anchors (one more than intervals), `actions` between them."""

    colour: str
    shape: str
    cells: tuple[int, ...]
    actions: tuple[Action, ...]
    jitter_px: tuple[int, int]


class Script(NamedTuple):
    """All that is true of a clip; everything that is rendered but asked of nobody is drawn from `seed` later."""

    clip_id: str
    split: str
    seed: int
    sprites: tuple[Sprite, Sprite]
    pans: tuple[tuple[int, int], ...]  # pixels per frame that the ground moves in each interval
    pitches: tuple[str, ...]
    beeps: tuple[int, ...]


def scripts(world: WorldConfig) -> list[Script]:
    """Every clip of every split, in the order of their seeds within the split."""
    return [write(world, split, number) for split in world.splits for number in range(world.splits[split].clips)]


def write(world: WorldConfig, split: str, number: int) -> Script:
    """The script of clip `number` of `split`."""
    seed = world.splits[split].seeds[number]  # type: ignore[index]
    random = np.random.default_rng([seed, 0])
    colours = _pick_two(COLOURS, random)
    shapes = _pick_two(SHAPES, random)
    tracks = _tracks(world, random)
    sprites = [
        Sprite(colours[n], shapes[n], *tracks[n], jitter_px=_pair(random.integers(-JITTER_PX, JITTER_PX + 1, 2)))
        for n in range(2)
    ]
    return Script(
        clip_id=f"{split}_{number:05d}",
        split=split,
        seed=seed,
        sprites=(sprites[0], sprites[1]),
        pans=tuple(_pan(world.pan_share, random) for _ in range(NUM_INTERVALS)),
        pitches=tuple(PITCHES[n] for n in random.permutation(len(PITCHES))),
        beeps=tuple(int(count) for count in random.integers(1, MAX_COUNT + 1, NUM_INTERVALS)),
    )


def facts(script: Script) -> list[dict[str, str | int]]:
    """The rows of the table of facts that describe this clip."""
    return [
        {
            "clip_id": script.clip_id,
            "split": script.split,
            "interval": interval,
            "sprite": number,
            "colour": sprite.colour,
            "shape": sprite.shape,
            "cell_from": sprite.cells[interval],
            "cell_to": sprite.cells[interval + 1],
            **asdict(sprite.actions[interval]),
        }
        for interval in range(NUM_INTERVALS)
        for number, sprite in enumerate(script.sprites)
    ]


def sounds(script: Script) -> list[dict[str, str | int]]:
    """The rows of the table of sounds that describe this clip."""
    return [
        {"clip_id": script.clip_id, "split": script.split, "interval": interval, "pitch": pitch, "beeps": beeps}
        for interval, (pitch, beeps) in enumerate(zip(script.pitches, script.beeps, strict=True))
    ]


def position(cell: int) -> tuple[int, int]:
    """Column and row of a cell."""
    return cell % GRID, cell // GRID


def _tracks(world: WorldConfig, random: np.random.Generator) -> list[tuple[tuple[int, ...], tuple[Action, ...]]]:
    """Cells and actions of both sprites, who never come closer than two cells."""
    cells = [_open_cells(random)]
    actions: list[list[Action]] = []
    for _ in range(NUM_INTERVALS):
        now, step = _step(cells[-1], world.go_share, random)
        actions.append(step)
        cells.append(now)
    return [
        (tuple(both[n] for both in cells), tuple(both[n] for both in actions))
        for n in range(2)
    ]  # fmt: skip


def _open_cells(random: np.random.Generator) -> list[int]:
    while True:
        cells = [int(cell) for cell in random.integers(0, GRID * GRID, 2)]
        if _apart(cells[:1], cells[1:]):
            return cells


def _step(cells: list[int], go_share: float, random: np.random.Generator) -> tuple[list[int], list[Action]]:
    """Actions drawn until their paths keep apart, and the cells after them."""
    while True:
        actions = [_action(go_share, random) for _ in cells]
        after = [_after(cell, action) for cell, action in zip(cells, actions, strict=True)]
        known = [cell for cell in after if cell is not None]
        if len(known) == len(cells) and _apart([cells[0], known[0]], [cells[1], known[1]]):
            return known, actions


def _action(go_share: float, random: np.random.Generator) -> Action:
    way = str(random.choice(list(WAYS)))
    if random.random() < go_share:
        return Action("go", way=way)
    kind = str(random.choice(RETURNING))
    count = int(random.integers(1, MAX_COUNT + 1))
    spin = str(random.choice(SPINS))
    return {
        "still": Action("still"),
        "swing": Action("swing", way=way, count=count),
        "orbit": Action("orbit", spin=spin),
        "flash": Action("flash", count=count),
    }[kind]


def _after(cell: int, action: Action) -> int | None:
    """The cell after an action; None where it would leave the grid."""
    if action.kind != "go":
        return cell
    column, row = (at + by for at, by in zip(position(cell), WAYS[action.way], strict=True))
    return row * GRID + column if 0 <= column < GRID and 0 <= row < GRID else None


def _apart(some: list[int], others: list[int]) -> bool:
    """Whether each of these cells has two cells or more, by row or by column, to each of those."""
    return all(
        max(abs(a - b) for a, b in zip(position(x), position(y), strict=True)) >= 2 for x in some for y in others
    )


def _pan(share: float, random: np.random.Generator) -> tuple[int, int]:
    directions = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0)]
    chosen = directions[int(random.integers(len(directions)))]
    return chosen if random.random() < share else (0, 0)


def _pick_two(words: tuple[str, ...], random: np.random.Generator) -> list[str]:
    return [words[n] for n in random.permutation(len(words))[:2]]


def _pair(numbers: np.ndarray) -> tuple[int, int]:
    return int(numbers[0]), int(numbers[1])
