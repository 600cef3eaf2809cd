"""Stage 1: the adapter learns to say, in the frozen tower's space, what changed [1, section 3.3].

The target is the difference of the frozen tower's features of two frames. The report takes the two anchors; in the
micro world nearly everything has returned by then, so the bracket is a random stretch *inside* the interval, and
the maps outside it are hidden (`whole_share: 1.0` gives the report's). Compared in one or more `views`: per token,
among those that changed most, per quarter of the picture, or pooled over the interval as in the report; each branch
is held to the same target through a projection of its own. Negatives are those of the whole batch, whichever process
described them, so a batch is never computed in pieces.

Shapes:
    batch, intervals, maps  as in `codecsense.adapter`    moments  encoded frames per interval, both anchors included

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, eq. 5-7; ablations of the objective in section Q.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from codecsense.adapter import Head, TriStream
from codecsense.adapter.motion_adapter import MotionAdapter
from codecsense.clips import Batch, Clips
from codecsense.config import Config
from codecsense.training.inspection import inspect
from codecsense.training.loop import Curve, Watch, run
from codecsense.training.losses import cosine_distance, feature_error, info_nce, retrieval_accuracy
from codecsense.training.processes import Board, Compute, Processes
from codecsense.training.schedule import Optimiser, OptimiserConfig

View = Literal["tokens", "quarters", "intervals"]
Gather = Callable[[Tensor], Tensor]


class Views(Config):
    """What of an interval is compared; the first view of `fused` is the one that is logged."""

    fused: list[View]
    branch: list[View]


class Align(Config):
    """Section `align` of params.yaml."""

    steps: int  # 0 leaves Stage 1 out
    batch: int
    learning_rate: float
    objective: Literal["info_nce", "mse", "hybrid"]  # `mse` in place of contrast and cosine, `hybrid` beside them
    temperature: float
    temperature_floor: float
    cosine_weight: float
    mse_weight: float  # in `hybrid`
    branch_weight: float
    views: Views
    whole_share: float  # of brackets that are the whole interval
    most_changed: int  # tokens compared per batch
    least_change: float  # targets shorter than this have no direction and are dropped
    validate_every: int  # steps; 0 validates at the end alone
    validation_batches: int
    save_every_s: float
    optimiser: OptimiserConfig
    compute: Compute
    log_to: list[Board]


class Stretches(NamedTuple):
    """Which two of its encoded moments bracket every interval."""

    first: Int[Tensor, "batch intervals"]
    last: Int[Tensor, "batch intervals"]


class Bracket(NamedTuple):
    """A stretch of every interval: which maps lie in it, and how the tower's features change across it."""

    visible: Bool[Tensor, "batch intervals maps"]
    change: Float[Tensor, "batch intervals patches host_width"]


class Codes(NamedTuple):
    """What the adapter says in the tower's space, and how sharply it is compared."""

    by_name: dict[str, Tensor]
    inverse_temperature: Float[Tensor, ""]


class Aligner(nn.Module):
    """Adapter and head as one module, so that processes exchange the gradients of both."""

    def __init__(self, adapter: MotionAdapter, head: Head, settings: Align) -> None:
        super().__init__()
        self.adapter = adapter
        self.head = head
        self.sharpest = 1 / settings.temperature_floor

    def forward(self, tri: TriStream) -> Codes:
        return Codes(
            self.head(self.adapter.describe(tri)), self.head.log_inverse_temperature.exp().clamp(max=self.sharpest)
        )


def fit(
    adapter: MotionAdapter,
    train: Clips,
    validation: Clips,
    settings: Align,
    *,
    seed: int,
    state_file: Path,
    processes: Processes,
) -> Curve:
    """Align the adapter; returns the curve, with retrieval and cosine on validation where they were measured."""
    inspect(train, label="align")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = adapter.head(temperature=settings.temperature)
    aligner = Aligner(adapter, head, settings)
    weights = dict(aligner.named_parameters())
    optimiser = Optimiser(
        [(weights.values(), settings.learning_rate)], settings.optimiser, steps=settings.steps, processes=processes
    )
    network = processes.wrap(aligner, optimiser)

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(train), (settings.batch,), generator=generator)
        return loss_of(compare(network, train, rows, settings, generator, processes), settings)

    curve = run(
        step,
        optimiser=optimiser,
        weights=weights,
        steps=settings.steps,
        seed=seed,
        state_file=state_file,
        save_every_s=settings.save_every_s,
        label="align",
        watch=Watch(lambda: validate(network, validation, settings, seed, processes), settings.validate_every),
    )
    adapter.adopt(head)
    return curve


class Compared(NamedTuple):
    """Codes and targets of a whole batch, by name and view, and what was left out of it."""

    pairs: dict[str, list[tuple[Tensor, Tensor]]]
    inverse_temperature: Float[Tensor, ""]
    dropped: float  # share of the tokens whose target has no direction
    still: int  # intervals without a token that has one


def compare(
    network: nn.Module,
    clips: Clips,
    rows: Int[Tensor, " batch"],
    settings: Align,
    generator: torch.Generator,
    processes: Processes,
) -> Compared:
    """What `network` says of these clips beside what is to be said; every process describes its share of them."""
    own = processes.share()
    moments = (clips.tower.shape[1] - 1) // clips.intervals + 1
    drawn = draw(len(rows), clips.intervals, moments, settings.whole_share, generator)
    batch = clips.batch(rows[own])
    stretch = bracket(batch, Stretches(drawn.first[own], drawn.last[own]))
    codes = network(processes.place(batch.tri._replace(mask=batch.tri.mask & stretch.visible)))
    change = processes.place(stretch.change)
    pairs = {}
    for name, code in codes.by_name.items():
        views = settings.views.fused if name == "fused" else settings.views.branch
        pairs[name] = [viewed(view, code, change, settings, processes.gather) for view in views]
    without = processes.gather(change.norm(dim=-1)) <= settings.least_change
    return Compared(pairs, codes.inverse_temperature, float(without.float().mean()), int(without.all(-1).sum()))


def loss_of(compared: Compared, settings: Align) -> tuple[Tensor, dict[str, float]]:
    """The loss of one batch, and its parts."""
    codes, _ = compared.pairs["fused"][0]
    logged: dict[str, float] = {}
    total = torch.zeros((), device=codes.device)
    for name, views in compared.pairs.items():
        weight = 1.0 if name == "fused" else settings.branch_weight
        parts = [_objective(codes, targets, compared.inverse_temperature, settings) for codes, targets in views]
        total = total + weight * sum(parts)
        logged[name] = float(parts[0].detach())
    retrieval = retrieval_accuracy(*compared.pairs["fused"][0])
    return total, logged | {"retrieval": retrieval, "dropped": compared.dropped, "still": float(compared.still)}


def _objective(codes: Tensor, targets: Tensor, inverse_temperature: Tensor, settings: Align) -> Tensor:
    if settings.objective == "mse":
        return feature_error(codes, targets)
    contrast = info_nce(codes, targets, inverse_temperature) + settings.cosine_weight * cosine_distance(codes, targets)
    if settings.objective == "hybrid":
        return contrast + settings.mse_weight * feature_error(codes, targets)
    return contrast


def draw(batch: int, intervals: int, moments: int, whole_share: float, generator: torch.Generator) -> Stretches:
    """A random stretch between two moments for every interval, the whole of it in `whole_share` of cases."""
    ends = torch.rand(batch, intervals, moments, generator=generator).argsort(-1)[..., :2].sort(-1).values
    whole = torch.rand(batch, intervals, generator=generator) < whole_share
    first = ends[..., 0].where(~whole, torch.tensor(0))
    last = ends[..., 1].where(~whole, torch.tensor(moments - 1))
    return Stretches(first, last)


def bracket(clips: Batch, stretches: Stretches) -> Bracket:
    """What the stretches show of the clips' maps, and how the tower's features change across them."""
    intervals, maps = clips.tri.mask.shape[1:]
    moments = (clips.tower.shape[1] - 1) // intervals + 1
    first, last = stretches
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


def viewed(view: View, codes: Tensor, change: Tensor, settings: Align, gather: Gather) -> tuple[Tensor, Tensor]:
    """Codes and targets of the whole batch in one view, those without a direction dropped."""
    if view != "intervals" and codes.shape[2] != change.shape[2]:
        raise ValueError(
            f"align.views: `{view}` compares tokens with the {change.shape[2]} patches of the tower one by one, and "
            f"there are {codes.shape[2]}; `intervals` compares any number"
        )
    every_code, every_change = gather(VIEWS[view](codes)), gather(VIEWS[view](change))
    size = every_change.norm(dim=-1)
    if view == "tokens":
        chosen = size.topk(min(settings.most_changed, len(size))).indices
        chosen = chosen[size[chosen] > settings.least_change]
    else:
        chosen = size > settings.least_change
    return every_code[chosen], every_change[chosen]


def _tokens(values: Float[Tensor, "batch intervals patches width"]) -> Float[Tensor, "all width"]:
    return values.flatten(0, 2)


def _quarters(values: Float[Tensor, "batch intervals patches width"]) -> Float[Tensor, "quarters width"]:
    side = round(values.shape[2] ** 0.5)
    square = values.flatten(0, 1).transpose(1, 2).unflatten(2, (side, side))
    return functional.avg_pool2d(square, side // 2).flatten(2).transpose(1, 2).flatten(0, 1)


def _intervals(values: Float[Tensor, "batch intervals patches width"]) -> Float[Tensor, "all width"]:
    return values.mean(2).flatten(0, 1)


VIEWS: dict[View, Callable[[Tensor], Tensor]] = {"tokens": _tokens, "quarters": _quarters, "intervals": _intervals}


@torch.no_grad()
def validate(network: nn.Module, clips: Clips, settings: Align, seed: int, processes: Processes) -> dict[str, float]:
    """Retrieval accuracy, cosine and InfoNCE on validation clips, in the first view of the fused state."""
    generator = torch.Generator().manual_seed(seed)
    found, cosines, losses = [], [], []
    for _ in range(settings.validation_batches):
        rows = torch.randint(len(clips), (settings.batch,), generator=generator)
        compared = compare(network, clips, rows, settings, generator, processes)
        kept = compared.pairs["fused"][0]
        found.append(retrieval_accuracy(*kept))
        cosines.append(1 - float(cosine_distance(*kept)))
        losses.append(float(info_nce(*kept, compared.inverse_temperature)))
    mean = torch.tensor([found, cosines, losses]).mean(1).tolist()
    return {"validation_retrieval": mean[0], "validation_cosine": mean[1], "validation_info_nce": mean[2]}
