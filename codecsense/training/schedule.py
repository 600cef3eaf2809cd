"""The optimiser of every loop: AdamW, linear warm-up, cosine to zero, clipped gradients (report, section C).

Muon [1] is there for the tiny host alone, which must learn to look things up in a few hundred steps.

References:
    [1] Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; as in torch.optim.Muon.
"""

from collections.abc import Callable, Iterable
from math import cos, pi
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from codecsense.config import Config
from codecsense.training.processes import Alone


class OptimiserConfig(Config):
    """How a loop steps; learning rates are given beside it, by group."""

    matrices: Literal["adamw", "muon"]
    warmup_steps: int
    weight_decay: float
    clip: float
    decay_share: float = Field(ge=0, le=1)  # of the run, at its end, in which the rate falls to zero by cosine


def share_of_rate(step: int, *, steps: int, settings: OptimiserConfig) -> float:
    """The factor on every learning rate at `step`, counted from 0."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    start = steps * (1 - settings.decay_share)
    return warm * (0.5 * (1 + cos(pi * (step - start) / (steps - start))) if step > start else 1.0)


class Descent(NamedTuple):
    """What a step went down from: the loss, and the norm of its gradient before clipping."""

    loss: float
    gradient_norm: float


class Optimiser:
    """AdamW, or Muon on the matrices and AdamW on the rest, over groups of weights with a learning rate each."""

    def __init__(
        self,
        groups: Iterable[tuple[Iterable[nn.Parameter], float]],
        settings: OptimiserConfig,
        *,
        steps: int,
        processes: Alone | None = None,
    ) -> None:
        self.settings = settings
        self.steps = steps
        self.processes = processes or Alone()
        self.done = 0
        named = [(list(weights), rate) for weights, rate in groups]
        self.weights = [weight for weights, _ in named for weight in weights]
        self.parts = _parts(named, settings)

    def step(self, losses: Tensor | Iterable[Tensor]) -> Descent:
        """Descend once, on a loss or on the mean of the losses of pieces, which are asked for one at a time."""
        factor = share_of_rate(self.done, steps=self.steps, settings=self.settings)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = group["peak"] * factor
            part.zero_grad(set_to_none=True)
        values = []
        for loss in [losses] if isinstance(losses, Tensor) else losses:
            self.processes.backward(loss)
            values.append(float(loss.detach()))
        norm = self.processes.clip(self.weights, self.settings.clip)
        for part in self.parts:
            part.step()
        self.done += 1
        return Descent(self.processes.mean(sum(values) / len(values)), norm)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on from here."""
        return {"done": self.done, "parts": [part.state_dict() for part in self.parts]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.done = state["done"]
        for part, kept in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(kept)


def _parts(named: list[tuple[list[nn.Parameter], float]], settings: OptimiserConfig) -> list[torch.optim.Optimizer]:
    """AdamW alone, or Muon before it; an optimiser without weights is left out."""
    muon = settings.matrices == "muon"
    matrices = [_group(weights, rate, lambda weight: muon and weight.ndim == 2) for weights, rate in named]
    others = [_group(weights, rate, lambda weight: not muon or weight.ndim != 2) for weights, rate in named]
    decay = settings.weight_decay
    parts: list[torch.optim.Optimizer] = []
    if any(group["params"] for group in matrices):
        # The learning rate means what it means for AdamW: updates are scaled to the same size [1].
        parts.append(torch.optim.Muon(matrices, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    if any(group["params"] for group in others):
        parts.append(torch.optim.AdamW(others, weight_decay=decay, betas=(0.9, 0.98)))
    return parts


def _group(weights: list[nn.Parameter], rate: float, wanted: Callable[[nn.Parameter], bool]) -> dict[str, Any]:
    return {"params": [weight for weight in weights if wanted(weight)], "lr": rate, "peak": rate}
