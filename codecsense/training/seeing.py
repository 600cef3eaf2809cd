"""First lesson of host pre-training: the vision tower learns what stands in each cell of an anchor.

Stands in for the pre-training of a real tower; labels come from the scripts of the training clips, of still anchors only.

Shapes:
    pictures  anchors of the training clips    cells  patches of an anchor after merging
"""

from collections.abc import Sequence

import polars as pl
import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from codecsense.hosts import Host
from codecsense.training.lessons import LessonConfig, Teaching, teach, weights_of

COLOURS = ("none", "red", "green", "blue", "yellow")
SHAPES = ("none", "circle", "square", "triangle")


def cell_labels(clips: Sequence[str], facts: pl.DataFrame, *, cells: int) -> Int[Tensor, "clips anchors cells 2"]:
    """Colour and shape in every cell of every anchor, as indices into `COLOURS` and `SHAPES`."""
    rows = {clip: index for index, clip in enumerate(clips)}
    intervals = int(facts["interval"].max()) + 1
    labels = torch.zeros(len(clips), intervals + 1, cells, 2, dtype=torch.long)
    for fact in facts.filter(pl.col("clip_id").is_in(list(clips))).iter_rows(named=True):
        what = torch.tensor([COLOURS.index(fact["colour"]), SHAPES.index(fact["shape"])])
        labels[rows[fact["clip_id"]], fact["interval"], fact["cell_from"]] = what
        if fact["interval"] == intervals - 1:
            labels[rows[fact["clip_id"]], intervals, fact["cell_to"]] = what
    return labels


def teach_seeing(
    host: Host,
    pictures: UInt8[Tensor, "pictures height wide 3"],
    labels: Int[Tensor, "pictures cells 2"],
    lesson: LessonConfig,
    teaching: Teaching,
) -> list[dict[str, float]]:
    """The vision tower learns what stands in each cell, through linear heads that are then thrown away."""
    with torch.random.fork_rng():
        torch.manual_seed(teaching.seed)
        heads = nn.ModuleList([nn.Linear(host.width, len(COLOURS)), nn.Linear(host.width, len(SHAPES))])
    weights = weights_of({"visual": host.tower, "heads": heads})

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(pictures), (lesson.batch,), generator=generator)
        seen = host.encode_pictures(pictures[rows])
        return _cell_loss(heads, seen, labels[rows])

    return teach(step, weights, lesson, teaching, name="seeing")


def _cell_loss(heads: nn.ModuleList, seen: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, float]]:
    scores = [head(seen).flatten(0, 1) for head in heads]
    loss = sum(functional.cross_entropy(score, labels[..., n].flatten()) for n, score in enumerate(scores))
    there = labels[..., 0].flatten() > 0
    right = (scores[0].argmax(-1) == labels[..., 0].flatten()) & (scores[1].argmax(-1) == labels[..., 1].flatten())
    return loss, {"accuracy": float(right[there].float().mean())}
