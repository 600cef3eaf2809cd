"""Pre-training of the tiny host, which stands in for a pre-trained one: it sees things, reads, and hears.

Three lessons, each resumable: the vision tower learns what is in each cell of an anchor; the audio encoder learns which tone and
how many beeps; the language model learns to answer, first from facts in words, then from pictures and placed facts
(`placed_facts.py`). Afterwards the tower, the encoder and the language model are frozen, as the papers freeze theirs.

Shapes:
    pictures  anchors of the training clips    cells  patches of an anchor after merging
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from codecsense.audio.branch import pool
from codecsense.audio.encoders.whisper import WhisperAudioEncoder
from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.sequence import Layout, Packed, Prefix, Text, pack, prefix
from codecsense.texts import ClipTexts, Menu, choose
from codecsense.training.loop import run
from codecsense.training.losses import answer_loss
from codecsense.training.placed_facts import PlacedConfig, PlacedFacts, slots
from codecsense.training.schedule import Optimiser, OptimiserConfig


class LessonConfig(Config):
    """One lesson: how long, how many at a time, how fast."""

    steps: int
    batch: int
    learning_rate: float
    optimiser: OptimiserConfig


class ReadingConfig(LessonConfig):
    """The language model's lesson."""

    text_steps: int  # steps on facts in words, before any picture
    questions: dict[str, int]  # of each type, per clip and step
    captions: dict[str, int]  # of each modality, per clip and step
    bare_questions: int  # static questions of a step without slots
    bare_share: float  # of steps without slots, on static questions alone
    check_every: int  # steps between checks on validation
    enough: float  # accuracy on placed `kind` questions of validation at which the lesson ends
    placed: PlacedConfig


class Teaching(NamedTuple):
    """Where lessons keep their state, and the seed they share."""

    scratch: Path
    seed: int
    save_every_s: float


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
    torch.manual_seed(teaching.seed)
    heads = nn.ModuleList([nn.Linear(host.width, len(COLOURS)), nn.Linear(host.width, len(SHAPES))])
    weights = _named({"visual": host.bare.model.visual, "heads": heads})

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(pictures), (lesson.batch,), generator=generator)
        seen = host.encode_pictures(pictures[rows])
        return _cell_loss(heads, seen, labels[rows])

    return _run(step, weights, lesson, teaching, "host: seeing")


def _cell_loss(heads: nn.ModuleList, seen: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, float]]:
    scores = [head(seen).flatten(0, 1) for head in heads]
    loss = sum(functional.cross_entropy(score, labels[..., n].flatten()) for n, score in enumerate(scores))
    there = labels[..., 0].flatten() > 0
    right = (scores[0].argmax(-1) == labels[..., 0].flatten()) & (scores[1].argmax(-1) == labels[..., 1].flatten())
    return loss, {"accuracy": float(right[there].float().mean())}


def teach_hearing(
    encoder: WhisperAudioEncoder,
    mel: Float[Tensor, "clips mels steps"],
    heard: Int[Tensor, "clips intervals 2"],
    lesson: LessonConfig,
    teaching: Teaching,
    *,
    bounds: Sequence[float],
    pieces: int,
) -> list[dict[str, float]]:
    """The audio encoder learns the tone and the number of beeps of each interval, from the states that will be kept."""
    torch.manual_seed(teaching.seed)
    heads = nn.ModuleList([nn.Linear(pieces * encoder.width, 3), nn.Linear(pieces * encoder.width, 3)])
    weights = _named({"encoder": encoder, "heads": heads})

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(mel), (lesson.batch,), generator=generator)
        states = pool(encoder(mel[rows].float()), bounds=bounds, pieces=pieces).flatten(2)
        scores = [head(states).flatten(0, 1) for head in heads]
        loss = sum(functional.cross_entropy(score, heard[rows][..., n].flatten()) for n, score in enumerate(scores))
        right = [(score.argmax(-1) == heard[rows][..., n].flatten()).float().mean() for n, score in enumerate(scores)]
        return loss, {"tone": float(right[0]), "beeps": float(right[1])}

    return _run(step, weights, lesson, teaching, "host: hearing")


class Reading(NamedTuple):
    """What the language model learns from: texts, facts in words, pictures, placed facts."""

    texts: list[ClipTexts]
    facts_in_words: list[list[int]]
    tower: Float[Tensor, "clips moments_by_patches width"]
    placed: PlacedFacts


def teach_reading(
    host: Host, train: Reading, validation: Reading, layout: Layout, lesson: ReadingConfig, teaching: Teaching
) -> list[dict[str, float]]:
    """The language model learns to answer from words, then from pictures and placed facts, until it reads well enough."""
    weights = {name: weight for name, weight in host.bare.named_parameters() if "visual" not in name}
    full, bare = (_placed_prefix(host, layout, with_slots=slotted) for slotted in (True, False))

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(train.texts), (lesson.batch,), generator=generator)
        if number < lesson.text_steps:
            packed = _in_words(host, train, rows, _menu(lesson), generator)
            return answer_loss(host.logits(packed, pictures=None, injected=[]), packed.labels), {"phase": 0.0}
        slotted = float(torch.rand((), generator=generator)) >= lesson.bare_share
        menu = _menu(lesson) if slotted else Menu({"static": lesson.bare_questions}, {})
        packed = _pack(host, full if slotted else bare, train, rows, menu, generator)
        logits = _placed_logits(host, packed, train, rows, layout, lesson.placed, generator, slotted=slotted)
        return answer_loss(logits, packed.labels), {"phase": 1.0 + slotted}

    def until(number: int) -> bool:
        due = number >= lesson.text_steps and (number + 1) % lesson.check_every == 0
        return due and read_kinds(host, validation, layout, lesson) >= lesson.enough

    return _run(step, weights, lesson, teaching, "host: reading", until)


@torch.no_grad()
def read_kinds(host: Host, validation: Reading, layout: Layout, lesson: ReadingConfig) -> float:
    """Accuracy on the hidden-motion questions of validation clips, from their pictures and placed facts."""
    generator = torch.Generator().manual_seed(0)
    start = _placed_prefix(host, layout, with_slots=True)
    right = total = 0
    for rows in torch.arange(len(validation.texts)).split(lesson.batch):
        packed = _pack(host, start, validation, rows, Menu({"hidden": lesson.bare_questions}, {}), generator)
        logits = _placed_logits(host, packed, validation, rows, layout, lesson.placed, generator, slotted=True)
        asked = (packed.labels[:, 1:] >= 0) & (packed.labels[:, 1:] != host.specials.end)
        right += int((logits[:, :-1].argmax(-1) == packed.labels[:, 1:])[asked].sum())
        total += int(asked.sum())
    print(f"host: reading: {right / total:.3f} of placed facts on validation", flush=True)
    return right / total


def _menu(lesson: ReadingConfig) -> Menu:
    return Menu(lesson.questions, lesson.captions)


def _placed_prefix(host: Host, layout: Layout, *, with_slots: bool) -> Prefix:
    seen = layout if with_slots else layout.model_copy(update={"motion_tokens": 0, "audio_tokens": 0})
    return host.place(prefix(seen, host.specials), grid=layout.grid)


def _in_words(host: Host, read: Reading, rows: Tensor, menu: Menu, generator: torch.Generator) -> Packed:
    starts, texts = [], []
    for row in rows.tolist():
        words = torch.tensor(read.facts_in_words[row])
        starts.append(host.place(Prefix(words, torch.zeros_like(words)), grid=1))
        texts.append([text for text in choose(read.texts[row], menu, generator)])
    return pack(starts, texts, pad=host.tokenizer.pad_token_id)


def _pack(
    host: Host, start: Prefix, read: Reading, rows: Tensor, menu: Menu, generator: torch.Generator
) -> Packed:
    texts: list[list[Text]] = [choose(read.texts[row], menu, generator) for row in rows.tolist()]
    return pack([start] * len(rows), texts, pad=host.tokenizer.pad_token_id)


def _placed_logits(
    host: Host,
    packed: Packed,
    read: Reading,
    rows: Tensor,
    layout: Layout,
    placed: PlacedConfig,
    generator: torch.Generator,
    *,
    slotted: bool,
) -> Tensor:
    injected = []
    if slotted:
        table = host.bare.get_input_embeddings().weight
        motion, sound = slots(
            table, read.placed, rows, sound_tokens=layout.audio_tokens, settings=placed, generator=generator
        )
        injected = [(host.specials.motion_pad, motion), (host.specials.audio_pad, sound)]
    return host.logits(packed, pictures=read.tower[rows].float(), injected=injected)


def _named(modules: dict[str, nn.Module]) -> dict[str, nn.Parameter]:
    return {f"{key}.{name}": weight for key, module in modules.items() for name, weight in module.named_parameters()}


def _run(step, weights, lesson: LessonConfig, teaching: Teaching, label: str, until=None) -> list[dict[str, float]]:
    optimiser = Optimiser([(weights.values(), lesson.learning_rate)], lesson.optimiser, steps=lesson.steps)
    return run(
        step,
        optimiser=optimiser,
        weights=weights,
        steps=lesson.steps,
        seed=teaching.seed,
        state_file=teaching.scratch / f"{label.split()[-1]}.pt",
        save_every_s=teaching.save_every_s,
        label=label,
        until=until,
    )
