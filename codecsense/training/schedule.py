"""The optimiser of every loop: AdamW, linear warm-up, cosine to zero, clipped gradients (report, section C)."""

from collections.abc import Iterable
from math import cos, pi

import torch
from torch import Tensor, nn

from codecsense.config import Config


class OptimiserConfig(Config):
    """How a loop steps; learning rates are given beside it, by group."""

    warmup_steps: int
    weight_decay: float
    clip: float
    decay: bool  # cosine to zero over the run; else constant after the warm-up


def share_of_rate(step: int, *, steps: int, settings: OptimiserConfig) -> float:
    """The factor on every learning rate at `step`, counted from 0."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    return warm * (0.5 * (1 + cos(pi * step / steps)) if settings.decay else 1.0)


class Optimiser:
    """AdamW over groups of weights, each with its own learning rate."""

    def __init__(
        self, groups: Iterable[tuple[Iterable[nn.Parameter], float]], settings: OptimiserConfig, *, steps: int
    ) -> None:
        self.settings = settings
        self.steps = steps
        self.groups = [{"params": list(weights), "lr": rate, "peak": rate} for weights, rate in groups]
        self.adamw = torch.optim.AdamW(self.groups, weight_decay=settings.weight_decay, betas=(0.9, 0.98))
        self.done = 0

    def step(self, loss: Tensor) -> float:
        """Descend once; returns the gradient's norm before clipping."""
        factor = share_of_rate(self.done, steps=self.steps, settings=self.settings)
        for group in self.adamw.param_groups:
            group["lr"] = group["peak"] * factor
        self.adamw.zero_grad(set_to_none=True)
        loss.backward()
        weights = [weight for group in self.adamw.param_groups for weight in group["params"]]
        norm = nn.utils.clip_grad_norm_(weights, self.settings.clip)
        self.adamw.step()
        self.done += 1
        return float(norm)
