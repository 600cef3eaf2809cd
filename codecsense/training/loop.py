"""A training loop that survives a kill: now and then its whole state goes to scratch, and the next start goes on there.

Two steps, a kill and two steps equal four steps to the bit: weights, optimiser, random generator and curve are kept.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codecsense.progress import track
from codecsense.scratch import load_state, save_state
from codecsense.training.schedule import Optimiser

Step = Callable[[int, torch.Generator], tuple[Tensor, Mapping[str, float]]]


def run(
    step: Step,
    *,
    optimiser: Optimiser,
    weights: Mapping[str, nn.Parameter],
    steps: int,
    seed: int,
    state_file: Path,
    save_every_s: float,
    label: str,
    until: Callable[[int], bool] | None = None,
) -> list[dict[str, float]]:
    """Take `steps` steps; returns the curve, one row per step with the loss and whatever `step` reports.

    `step(number, generator)` gives the loss and what to log. `until(number)`, if given, may end the loop early.
    """
    generator = torch.Generator().manual_seed(seed)
    curve, first = _restore(state_file, optimiser, weights, generator)
    saved = time.monotonic()
    for number in track(range(first, steps), total=steps, done=first, label=label):
        loss, logged = step(number, generator)
        norm = optimiser.step(loss)
        curve.append({"step": number, "loss": float(loss.detach()), "gradient_norm": norm, **logged})
        ended = until is not None and until(number)
        if ended or number == steps - 1 or time.monotonic() - saved > save_every_s:
            _store(state_file, optimiser, weights, generator, curve, ended=ended)
            saved = time.monotonic()
        if ended:
            break
    return curve


def _store(
    file: Path,
    optimiser: Optimiser,
    weights: Mapping[str, nn.Parameter],
    generator: torch.Generator,
    curve: list[dict[str, float]],
    *,
    ended: bool,
) -> None:
    state: dict[str, Any] = {
        "weights": {name: weight.detach() for name, weight in weights.items()},
        "optimiser": optimiser.state(),
        "generator": generator.get_state(),
        "curve": curve,
        "ended": ended,
    }
    save_state(state, file)


def _restore(
    file: Path, optimiser: Optimiser, weights: Mapping[str, nn.Parameter], generator: torch.Generator
) -> tuple[list[dict[str, float]], int]:
    state = load_state(file)
    if state is None:
        return [], 0
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(state["weights"][name])
    optimiser.restore(state["optimiser"])
    generator.set_state(state["generator"])
    done = optimiser.steps if state["ended"] else optimiser.done
    print(f"resuming at step {optimiser.done}", flush=True)
    return state["curve"], done
