"""Which stream carries which fact: a small supervised head that is told where a sprite is and asked what it did.

The floor on which later claims stand: what this head cannot read from a stream, no model behind a frozen host will.
Vectors cannot see flashes, residual maps cannot see direction: complementary by physics, not by training. The head
is told the cell, so it measures what the stream holds, not whether a model finds it.

Shapes:
    acts  pairs of an interval and a sprite    maps  codec maps per interval    channels  2 of mv, 1 of residual
    window  blocks across the square seen around the sprite's cell
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from codecsense.config import Config
from codecsense.evaluation.statistics import wilson
from codecsense.schemas import from_rows
from codecsense.schemas.facts import NUM_CELLS, Facts
from codecsense.schemas.probe import Probe
from codecsense.streams.store import StreamStore

Stream = Literal["mv", "residual", "context"]
GRID = int(NUM_CELLS**0.5)
ANSWERS: dict[str, tuple[str | int, ...]] = {
    "kind": ("still", "swing", "orbit", "flash", "go"),
    "way": ("left", "right", "up", "down"),
    "swings": (1, 2, 3),
    "flashes": (1, 2, 3),
    "spin": ("cw", "ccw"),
}
COLUMNS: dict[str, tuple[str, str | None]] = {  # where a fact stands, and the kind of act that has it
    "kind": (Facts.kind, None),
    "way": (Facts.way, "swing"),
    "swings": (Facts.count, "swing"),
    "flashes": (Facts.count, "flash"),
    "spin": (Facts.spin, "orbit"),
}
SKIPPED = -100  # a fact that an action does not have; what cross-entropy ignores


class ProbeConfig(Config):
    """Section `probe`: which sets of streams are tried, and the size and teaching of the head."""

    subsets: dict[str, list[Stream]]
    window: PositiveInt  # blocks, odd
    seen: PositiveInt  # numbers kept of one window of one map
    width: PositiveInt
    steps: PositiveInt
    batch: PositiveInt
    learning_rate: PositiveFloat
    mv_unit_px: PositiveFloat
    residual_unit: PositiveFloat
    confidence: PositiveFloat


class Acts(NamedTuple):
    """Every act of some clips: the maps around it, its anchor's pixels there, and its facts as class numbers."""

    mv: Float[Tensor, "acts maps channels window window"]
    residual: Float[Tensor, "acts maps channels window window"]
    context: Float[Tensor, "acts 1 channels window window"]
    facts: dict[str, Int[Tensor, " acts"]]


def measure(facts: pl.DataFrame, store: StreamStore, probe: ProbeConfig, *, seed: int) -> pl.DataFrame:
    """The table of what a head reads from each set of streams, taught on train and asked on test."""
    known = facts.filter(pl.col(Facts.clip_id).is_in(store.index["video_id"].to_list()))
    train = gather(known.filter(pl.col(Facts.split) == "train"), store, probe)
    test = gather(known.filter(pl.col(Facts.split) == "test"), store, probe)
    rows = []
    for name, streams in probe.subsets.items():
        answers = ask(teach(train, streams, probe, seed=seed), test, streams)
        rows += [{"streams": name, **_score(fact, answers[fact], test, probe.confidence)} for fact in ANSWERS]
    return from_rows(Probe, rows)


def gather(facts: pl.DataFrame, store: StreamStore, probe: ProbeConfig) -> Acts:
    """The acts that these facts describe, cut out of the clips' maps."""
    if facts.is_empty():
        raise ValueError("no clip of the facts has streams; run `dvc repro extract@world`")
    clips = facts[Facts.clip_id].unique(maintain_order=True).to_list()
    row = {clip: number for number, clip in enumerate(clips)}
    at = (
        np.array([row[clip] for clip in facts[Facts.clip_id]]),
        facts[Facts.interval].to_numpy(),
        facts[Facts.cell_from].to_numpy(),
    )
    mask = store.stack("map_mask", clips)[..., None, None, None]
    moved = store.stack("mv", clips).astype(np.float32) * mask / probe.mv_unit_px
    missed = store.stack("residual", clips).astype(np.float32) * mask / probe.residual_unit
    shrunk = _shrink(store.stack("anchors", clips)[:, :-1], side=moved.shape[-1])
    mv, residual, context = (
        torch.from_numpy(_cut(maps, *at, window=probe.window)) for maps in (moved, missed, shrunk[:, :, None])
    )
    return Acts(mv, residual, context, {fact: _classes(facts, fact) for fact in ANSWERS})


def _shrink(anchors: np.ndarray, *, side: int) -> Float[np.ndarray, "clips intervals 3 side side"]:
    """Anchors [clips, intervals, height, width, 3] averaged over the blocks of the maps, -0.5 to 0.5."""
    clips, intervals, height, width, _ = anchors.shape
    blocks = anchors.reshape(clips, intervals, side, height // side, side, width // side, 3)
    shrunk: np.ndarray = blocks.mean(axis=(3, 5), dtype=np.float32) / 255 - 0.5
    return np.moveaxis(shrunk, -1, 2)


def _cut(
    maps: Float[np.ndarray, "clips intervals maps channels side side"],
    clip: np.ndarray,
    interval: np.ndarray,
    cell: np.ndarray,
    *,
    window: int,
) -> Float[np.ndarray, "acts maps channels window window"]:
    """The square of blocks around the middle of a cell; what lies outside the picture is zero."""
    blocks, reach = maps.shape[-1] // GRID, window // 2
    padded = np.pad(maps, [(0, 0)] * 4 + [(reach, reach)] * 2)
    views = np.lib.stride_tricks.sliding_window_view(padded, (window, window), axis=(-2, -1))
    row, column = (cell // GRID) * blocks + blocks // 2, (cell % GRID) * blocks + blocks // 2
    return np.ascontiguousarray(views[clip, interval, :, :, row, column])


def _classes(facts: pl.DataFrame, fact: str) -> Int[Tensor, " acts"]:
    """The class of a fact in every act; `SKIPPED` where the act has none."""
    column, kind = COLUMNS[fact]
    pairs = zip(facts[column], facts[Facts.kind], strict=True)
    return torch.tensor([ANSWERS[fact].index(value) if kind in (None, did) else SKIPPED for value, did in pairs])


class Head(nn.Module):
    """Reads the windows of each stream over time and answers every kind of fact at once."""

    def __init__(self, acts: Acts, streams: Sequence[Stream], probe: ProbeConfig) -> None:
        super().__init__()
        self.streams = list(streams)
        read = {stream: getattr(acts, stream).shape[1:] for stream in streams}
        self.windows = nn.ModuleDict(
            {stream: nn.Linear(shape[1] * shape[2] * shape[3], probe.seen) for stream, shape in read.items()}
        )
        seen = sum(shape[0] * probe.seen for shape in read.values())
        self.over_time = nn.Sequential(
            nn.GELU(), nn.Linear(seen, probe.width), nn.GELU(), nn.Linear(probe.width, probe.width), nn.GELU()
        )
        self.answers = nn.ModuleDict({fact: nn.Linear(probe.width, len(words)) for fact, words in ANSWERS.items()})

    def forward(self, maps: dict[Stream, Tensor]) -> dict[str, Tensor]:
        """Logits per kind of fact."""
        seen = [self.windows[stream](maps[stream].flatten(2)).flatten(1) for stream in self.streams]
        described = self.over_time(torch.cat(seen, dim=1))
        return {fact: layer(described) for fact, layer in self.answers.items()}


def teach(acts: Acts, streams: Sequence[Stream], probe: ProbeConfig, *, seed: int) -> Head:
    """A head after `steps` steps on random batches of acts; the same seed gives the same head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = Head(acts, streams, probe)
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(head.parameters(), lr=probe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, probe.learning_rate, total_steps=probe.steps)
    number = len(acts.mv)
    for _ in range(probe.steps):
        chosen = torch.randint(number, (probe.batch,), generator=generator)
        logits = head({stream: getattr(acts, stream)[chosen] for stream in streams})
        losses = [_loss(logits[fact], acts.facts[fact][chosen]) for fact in ANSWERS]
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()
        schedule.step()
    return head


def _loss(logits: Float[Tensor, "batch answers"], classes: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean over the acts that have the fact; zero where none has."""
    total = functional.cross_entropy(logits, classes, ignore_index=SKIPPED, reduction="sum")
    return total / (classes != SKIPPED).sum().clamp(min=1)


@torch.no_grad()
def ask(head: Head, acts: Acts, streams: Sequence[Stream]) -> dict[str, Int[Tensor, " acts"]]:
    """The most likely class of every fact in every act."""
    return {fact: logits.argmax(1) for fact, logits in head({s: getattr(acts, s) for s in streams}).items()}


def _score(fact: str, answers: Int[Tensor, " acts"], acts: Acts, confidence: float) -> dict[str, object]:
    asked = acts.facts[fact] != SKIPPED
    correct, total = int((answers == acts.facts[fact])[asked].sum()), int(asked.sum())
    estimate = wilson(correct, total, confidence=confidence)
    return {
        "fact": fact,
        "num_answers": len(ANSWERS[fact]),
        "correct": correct,
        "total": total,
        "accuracy": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
    }
