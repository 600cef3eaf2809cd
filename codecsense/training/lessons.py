"""What the lessons of the tiny host share: how long, how fast, and where their state is kept.

Three lessons stand in for pre-training: its tower learns to see, its audio encoder to hear, its language model to read.
Afterwards all three are frozen, as in the papers. Weights of the hub know all this, and take none of them.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from torch import nn

from codecsense.config import Config
from codecsense.training.loop import Step, run
from codecsense.training.schedule import Optimiser, OptimiserConfig


class LessonConfig(Config):
    """One lesson: how long, how many at a time, how fast."""

    steps: int
    batch: int
    learning_rate: float
    save_every_s: float
    optimiser: OptimiserConfig


class Teaching(NamedTuple):
    """Where lessons keep their state, and the seed they share."""

    scratch: Path
    seed: int


def name_only(weights: str, folder: Path) -> None:
    """In place of a taught model: a note of which weights of the hub are used as they come."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hub.json").write_text(json.dumps({"weights": weights}, indent=1) + "\n")


def weights_of(modules: dict[str, nn.Module]) -> dict[str, nn.Parameter]:
    """All weights of some modules, by name."""
    return {f"{key}.{name}": weight for key, module in modules.items() for name, weight in module.named_parameters()}


def teach(
    step: Step,
    weights: Mapping[str, nn.Parameter],
    lesson: LessonConfig,
    teaching: Teaching,
    *,
    name: str,
    until: Callable[[int], bool] | None = None,
) -> list[dict[str, float]]:
    """Run one lesson, or go on with it where a killed run left off; returns its curve."""
    optimiser = Optimiser([(weights.values(), lesson.learning_rate)], lesson.optimiser, steps=lesson.steps)
    return run(
        step,
        optimiser=optimiser,
        weights=weights,
        steps=lesson.steps,
        seed=teaching.seed,
        state_file=teaching.scratch / f"{name}.pt",
        save_every_s=lesson.save_every_s,
        label=name,
        until=until,
    )
