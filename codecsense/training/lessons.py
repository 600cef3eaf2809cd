"""What the lessons of host pre-training share: how long, how fast, and where their state is kept."""

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
    optimiser: OptimiserConfig


class Teaching(NamedTuple):
    """Where lessons keep their state, and the seed they share."""

    scratch: Path
    seed: int
    save_every_s: float


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
        save_every_s=teaching.save_every_s,
        label=f"host: {name}",
        until=until,
    )
