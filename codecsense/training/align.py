"""Stage 1: the adapter learns to say, in the frozen tower's space, what changed [1, section 3.3].

The target is the difference of the frozen tower's features of two frames. The report takes the two anchors; in the
micro world nearly everything has returned by then, so the bracket is a random stretch *inside* the interval, and
the maps outside it are hidden (`whole_share: 1.0` gives the report's). Compared per token, among those that changed
most, and per quarter of the picture; each branch is held to the same target through a projection of its own.

Shapes:
    batch, intervals, maps  as in `codecsense.adapter`    moments  encoded frames per interval, both anchors included

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, eq. 5-7.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from codecsense.adapter.motion_adapter import AlignmentHead, MotionAdapter
from codecsense.clips import Batch, Clips
from codecsense.config import Config
from codecsense.training.loop import run
from codecsense.training.losses import cosine_distance, info_nce, retrieval_accuracy
from codecsense.training.schedule import Optimiser, OptimiserConfig


class Align(Config):
    """Section `align` of params.yaml."""

    steps: int  # 0 leaves Stage 1 out
    batch: int
    learning_rate: float
    temperature: float
    temperature_floor: float
    cosine_weight: float
    branch_weight: float
    whole_share: float  # of brackets that are the whole interval
    most_changed: int  # tokens compared per batch
    least_change: float  # targets shorter than this have no direction and are dropped
    validation_batches: int
    save_every_s: float
    optimiser: OptimiserConfig


class Bracket(NamedTuple):
    """A stretch of every interval: which maps lie in it, and how the tower's features change across it."""

    visible: Bool[Tensor, "batch intervals maps"]
    change: Float[Tensor, "batch intervals patches host_width"]


def fit(
    adapter: MotionAdapter, train: Clips, validation: Clips, settings: Align, *, seed: int, state_file: Path
) -> list[dict[str, float]]:
    """Align the adapter; returns the curve, with retrieval and cosine on validation in its last row."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = AlignmentHead(
            adapter.streams,
            width=adapter.settings.width,
            host_width=train.shapes.host_width,
            temperature=settings.temperature,
        )
    weights = {f"adapter.{name}": weight for name, weight in adapter.named_parameters()}
    weights |= {f"head.{name}": weight for name, weight in head.named_parameters()}
    optimiser = Optimiser([(weights.values(), settings.learning_rate)], settings.optimiser, steps=settings.steps)

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(train), (settings.batch,), generator=generator)
        return loss_of(adapter, head, train.batch(rows), settings, generator)

    curve = run(
        step,
        optimiser=optimiser,
        weights=weights,
        steps=settings.steps,
        seed=seed,
        state_file=state_file,
        save_every_s=settings.save_every_s,
        label="align",
    )
    if curve:
        curve[-1] |= validate(adapter, head, validation, settings, seed=seed)
    return curve


def loss_of(
    adapter: MotionAdapter, head: AlignmentHead, clips: Batch, settings: Align, generator: torch.Generator
) -> tuple[Tensor, dict[str, float]]:
    """The loss of one batch, and its parts."""
    stretch = bracket(clips, settings.whole_share, generator)
    codes = head(adapter.describe(clips.tri._replace(mask=clips.tri.mask & stretch.visible)))
    inverse = head.log_inverse_temperature.exp().clamp(max=1 / settings.temperature_floor)
    logged: dict[str, float] = {}
    total = torch.zeros(())
    for name, code in codes.items():
        weight = 1.0 if name == "fused" else settings.branch_weight
        pairs = [most_changed(code, stretch.change, settings)]
        if name == "fused":
            pairs.append(quarters(code, stretch.change, settings))
        parts = [_compare(a, b, inverse, settings) for a, b in pairs]
        total = total + weight * sum(parts)
        logged[name] = float(parts[0].detach())
    kept = most_changed(codes["fused"], stretch.change, settings)
    return total, logged | {"retrieval": retrieval_accuracy(*kept), "dropped": _dropped(stretch.change, settings)}


def _compare(codes: Tensor, targets: Tensor, inverse_temperature: Tensor, settings: Align) -> Tensor:
    return info_nce(codes, targets, inverse_temperature) + settings.cosine_weight * cosine_distance(codes, targets)


def bracket(clips: Batch, whole_share: float, generator: torch.Generator) -> Bracket:
    """A random stretch between two encoded moments of every interval, the whole of it in `whole_share` of cases."""
    batch, intervals, maps = clips.tri.mask.shape
    moments = (clips.tower.shape[1] - 1) // intervals + 1
    ends = torch.rand(batch, intervals, moments, generator=generator).argsort(-1)[..., :2].sort(-1).values
    whole = torch.rand(batch, intervals, generator=generator) < whole_share
    first = ends[..., 0].where(~whole, torch.tensor(0))
    last = ends[..., 1].where(~whole, torch.tensor(moments - 1))
    frame = torch.arange(1, maps + 1)  # map m is of frame m + 1 after the opening anchor
    gap = (maps + 1) / (moments - 1)
    visible = (frame > gap * first[..., None]) & (frame <= gap * last[..., None])
    by_interval = clips.tower.unfold(1, moments, moments - 1).movedim(-1, 2)
    change = _at(by_interval, last) - _at(by_interval, first)
    return Bracket(visible, change)


def _at(
    moments: Float[Tensor, "batch intervals moments patches width"], which: Int[Tensor, "batch intervals"]
) -> Float[Tensor, "batch intervals patches width"]:
    index = which[:, :, None, None, None].expand(-1, -1, 1, *moments.shape[3:])
    return moments.gather(2, index)[:, :, 0]


def most_changed(codes: Tensor, change: Tensor, settings: Align) -> tuple[Tensor, Tensor]:
    """Codes and targets of the tokens that changed most in the batch, those without a direction dropped."""
    flat_codes, flat_change = codes.flatten(0, 2), change.flatten(0, 2)
    size = flat_change.norm(dim=-1)
    chosen = size.topk(min(settings.most_changed, len(size))).indices
    chosen = chosen[size[chosen] > settings.least_change]
    return flat_codes[chosen], flat_change[chosen]


def quarters(codes: Tensor, change: Tensor, settings: Align) -> tuple[Tensor, Tensor]:
    """Codes and targets averaged over each quarter of the picture, those without a direction dropped."""
    pooled_codes, pooled_change = _quarters(codes), _quarters(change)
    chosen = pooled_change.norm(dim=-1) > settings.least_change
    return pooled_codes[chosen], pooled_change[chosen]


def _quarters(values: Float[Tensor, "batch intervals patches width"]) -> Float[Tensor, "quarters width"]:
    side = round(values.shape[2] ** 0.5)
    square = values.flatten(0, 1).transpose(1, 2).unflatten(2, (side, side))
    return functional.avg_pool2d(square, side // 2).flatten(2).transpose(1, 2).flatten(0, 1)


def _dropped(change: Tensor, settings: Align) -> float:
    return float((change.norm(dim=-1) <= settings.least_change).float().mean())


@torch.no_grad()
def validate(
    adapter: MotionAdapter, head: AlignmentHead, clips: Clips, settings: Align, *, seed: int
) -> dict[str, float]:
    """Retrieval accuracy, cosine and loss on validation clips."""
    generator = torch.Generator().manual_seed(seed)
    found, cosines, losses = [], [], []
    for _ in range(settings.validation_batches):
        rows = torch.randint(len(clips), (settings.batch,), generator=generator)
        batch = clips.batch(rows)
        stretch = bracket(batch, settings.whole_share, generator)
        codes = head(adapter.describe(batch.tri._replace(mask=batch.tri.mask & stretch.visible)))["fused"]
        kept = most_changed(codes, stretch.change, settings)
        found.append(retrieval_accuracy(*kept))
        cosines.append(1 - float(cosine_distance(*kept)))
        losses.append(float(info_nce(*kept, head.log_inverse_temperature.exp())))
    mean = torch.tensor([found, cosines, losses]).mean(1).tolist()
    return {"validation_retrieval": mean[0], "validation_cosine": mean[1], "validation_info_nce": mean[2]}
