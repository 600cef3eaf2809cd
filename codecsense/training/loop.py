"""A training loop that survives a kill: now and then its whole state goes to scratch, and the next start goes on there.

Two steps, a kill and two steps equal four steps to the bit: weights, optimiser, random generator and curve are kept.
The generator is all the randomness there is: it draws the clips of a step and what is asked of them.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from codecsense.progress import track
from codecsense.scratch import load_state, save_state
from codecsense.training.schedule import Optimiser

Curve = list[dict[str, float]]
Step = Callable[[int, torch.Generator], tuple[Tensor | Iterable[Tensor], Mapping[str, float]]]


class Watch(NamedTuple):
    """What is measured on validation while a loop trains. The last step is always measured."""

    measure: Callable[[], Mapping[str, float]]
    every: int  # steps; 0 leaves it at the last
    lowest: str | None = None  # the measure by which the best weights are known
    best: Path | None = None  # where they are kept


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
    watch: Watch | None = None,
) -> Curve:
    """Take `steps` steps; returns the curve, one row per step with the loss and whatever `step` reports.

    `step(number, generator)` gives the loss, or the losses of pieces, and what to log. `until(number)`, if given, may
    end the loop early. Every process of `optimiser.processes` runs this loop; the first one writes.
    """
    processes = optimiser.processes
    state = _State(state_file, optimiser, weights, torch.Generator().manual_seed(seed))
    curve, first = state.restore()
    saved = time.monotonic()
    numbers: Iterable[int] = range(first, steps)
    for number in track(numbers, total=steps, done=first, label=label) if processes.first else numbers:
        losses, logged = step(number, state.generator)
        descent = optimiser.step(losses)
        curve.append({"step": number, **descent._asdict(), **logged})
        if watch is not None and _due(watch, number, steps):
            curve[-1] |= _measure(watch, curve, optimiser, weights)
        processes.log(curve[-1])
        ended = until is not None and until(number)
        if processes.any(ended or number == steps - 1 or time.monotonic() - saved > save_every_s):
            state.store(curve, ended=ended)
            saved = time.monotonic()
        if ended:
            break
    return curve


def _due(watch: Watch, number: int, steps: int) -> bool:
    return number == steps - 1 or (watch.every > 0 and (number + 1) % watch.every == 0)


def _measure(
    watch: Watch, curve: Curve, optimiser: Optimiser, weights: Mapping[str, nn.Parameter]
) -> Mapping[str, float]:
    """What validation says now; the best weights so far are written down."""
    with torch.no_grad():
        found = watch.measure()
    if watch.lowest is not None and watch.best is not None:
        before = [row[watch.lowest] for row in curve if watch.lowest in row]
        if found[watch.lowest] < min(before, default=float("inf")):
            with optimiser.processes.whole(weights.values()):
                if optimiser.processes.first:
                    _write(weights, watch.best)
    return found


def _write(weights: Mapping[str, nn.Parameter], file: Path) -> None:
    partial = file.with_name(file.name + ".partial")
    save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, partial)
    partial.replace(file)


class _State(NamedTuple):
    """Everything that a loop must find again to go on as if it had not been killed."""

    file: Path
    optimiser: Optimiser
    weights: Mapping[str, nn.Parameter]
    generator: torch.Generator

    @property
    def shards(self) -> Path:
        """Where each process keeps what it alone holds, under ZeRO."""
        return self.file.with_suffix(".shards")

    def store(self, curve: Curve, *, ended: bool) -> None:
        """Write it whole or not at all: the state names its shards, which were written before it."""
        processes, shards = self.optimiser.processes, f"step_{self.optimiser.done}"
        processes.save_shards(self.shards, shards)
        if not processes.first:
            return
        state: dict[str, Any] = {
            "done": self.optimiser.done,
            "generator": self.generator.get_state(),
            "curve": curve,
            "ended": ended,
            "shards": shards,
        }
        if not processes.zero:
            state["weights"] = {name: weight.detach() for name, weight in self.weights.items()}
            state["optimiser"] = self.optimiser.state()
        save_state(state, self.file)
        for older in self.shards.glob("step_*"):
            if older.name != shards:
                shutil.rmtree(older)

    def restore(self) -> tuple[Curve, int]:
        """The curve so far and the next step; weights, optimiser and generator are put back in place."""
        state = load_state(self.file)
        if state is None:
            return [], 0
        processes = self.optimiser.processes
        if processes.zero:
            processes.load_shards(self.shards, state["shards"])
            self.optimiser.done = state["done"]
        else:
            with torch.no_grad():
                for name, weight in self.weights.items():
                    weight.copy_(state["weights"][name])
            self.optimiser.restore(state["optimiser"])
        self.generator.set_state(state["generator"])
        if processes.first:
            print(f"resuming at step {self.optimiser.done}", flush=True)
        return state["curve"], self.optimiser.steps if state["ended"] else self.optimiser.done
