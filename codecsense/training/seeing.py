"""First lesson of the tiny host: its vision tower learns what stands in each cell of an anchor, and which it is.

Stands in for the pre-training of a real tower on pictures and captions: what it says of a cell is compared with the
word embeddings of the language model, so that the two speak of the same things. Labels come from the scripts of the
training clips, of still anchors only.

Shapes:
    pictures  anchors of the training clips    cells  patches of an anchor after merging
"""

from collections.abc import Sequence
from typing import cast

import polars as pl
import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from codecsense.hosts import Host
from codecsense.texts import Encoder
from codecsense.training.lessons import LessonConfig, Teaching, teach, weights_of

EMPTY = "nothing"
SHARPNESS = 20.0  # of the comparison by cosine, so that the tower says these words and nothing beside them
COLOURS = (EMPTY, "red", "green", "blue", "yellow")
SHAPES = (EMPTY, "circle", "square", "triangle")


def cell_labels(clips: Sequence[str], facts: pl.DataFrame, *, cells: int) -> Int[Tensor, "clips anchors cells 2"]:
    """Colour and shape in every cell of every anchor, as indices into `COLOURS` and `SHAPES`."""
    rows = {clip: index for index, clip in enumerate(clips)}
    intervals = int(facts["interval"].to_numpy().max()) + 1
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
    *,
    cell_names: Sequence[str],
) -> list[dict[str, float]]:
    """The vision tower learns to name what stands in each cell, and the cell, in the host's own words.

    Raises ValueError unless the host makes one visual token of each cell.
    """
    tokens = (host.settings.picture_px // host.block_px) ** 2
    if tokens != labels.shape[1]:
        raise ValueError(
            f"model.host.name {host.settings.name} sees {tokens} tokens of {host.block_px} px in a picture of"
            f" {labels.shape[1]} cells; set model.host.tiny.patch_px for one token per cell"
        )
    weights = weights_of({"visual": host.tower})
    encode = Encoder(host.tokenizer)
    table = cast(nn.Embedding, host.bare.get_input_embeddings()).weight.detach()
    words = [
        functional.normalize(table[[encode(word)[0] for word in group]], dim=-1)
        for group in (COLOURS, SHAPES, cell_names)
    ]
    names = torch.arange(len(cell_names)).expand(lesson.batch, -1)

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(pictures), (lesson.batch,), generator=generator)
        seen = host.encode_pictures(pictures[rows])[..., : host.width]  # its last word, where it has several depths
        right = torch.cat([labels[rows], names[..., None]], -1)
        said = SHARPNESS * functional.normalize(seen, dim=-1)
        scores = [(said @ group.T).flatten(0, 1) for group in words]
        losses = (functional.cross_entropy(score, right[..., n].flatten()) for n, score in enumerate(scores))
        return sum(losses, torch.zeros(())), _accuracies(scores, right)

    return teach(step, weights, lesson, teaching, name="seeing")


def _accuracies(scores: list[Tensor], right: Int[Tensor, "batch cells 3"]) -> dict[str, float]:
    """How often a thing is named right, by colour and shape, and a cell by its name."""
    said = torch.stack([score.argmax(-1) for score in scores], -1) == right.flatten(0, 1)
    there = right[..., 0].flatten() > 0
    return {"thing": float(said[there, :2].all(-1).float().mean()), "cell": float(said[:, 2].float().mean())}
