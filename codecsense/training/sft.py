"""Stage 2: the host learns to use motion and audio tokens [1, section 3.4].

Through LoRA, with its own weights frozen, or whole (`tuned: full`), with the tower frozen. Beside the questions a step
asks for captions of single intervals, which the report does not have. Without them a tiny host stays at what the
anchors tell, so they are a declared departure (`captions: {}` turns them off).

A step's loss is the mean over the answers' tokens of the whole batch, however many processes and pieces it is
computed in: each part is weighed by its share of the tokens, which every process knows, for all draw the same texts.
With `sense` the losses of HippoSense are added, each such a mean of its own (`hippo_sense.py`).

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, eq. 8-9.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Int
from pydantic import model_validator
from safetensors.torch import load_file
from torch import Tensor, nn

from codecsense.clips import Batch, Clips
from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.model import CodecSense, Scored
from codecsense.sequence import Given, Text
from codecsense.texts import ClipTexts, Menu, choose
from codecsense.training.hippo_sense import HippoSense, Senses, Task
from codecsense.training.inspection import askable, inspect
from codecsense.training.loop import Curve, Watch, run
from codecsense.training.lora import LoRAConfig
from codecsense.training.lora import add as add_lora
from codecsense.training.losses import answer_loss
from codecsense.training.processes import Board, Processes, Sharded
from codecsense.training.schedule import Optimiser, OptimiserConfig


class SFT(Config):
    """Section `sft` of params.yaml."""

    steps: int
    batch: int
    questions: dict[str, int]  # of each type, per clip and step
    captions: dict[str, int]  # of each modality, per clip and step
    reasoned: int  # two-stage answers per clip and step
    sense: HippoSense
    tuned: Literal["lora", "full"]  # of the host
    lora: LoRAConfig
    lora_learning_rate: float  # of the language model itself where it is tuned in full
    senses_learning_rate: float
    validate_every: int  # steps; 0 does not validate
    validation_batches: int
    keep: Literal["last", "best"]  # what becomes the checkpoint; best is lowest in loss on validation
    save_every_s: float
    optimiser: OptimiserConfig
    compute: Sharded
    log_to: list[Board]

    @model_validator(mode="after")
    def _best_is_known(self) -> "SFT":
        if self.keep == "best" and not self.validate_every:
            raise ValueError("`keep: best` needs validation: set `validate_every`")
        return self


class Lesson(NamedTuple):
    """Clips and all that can be asked of them."""

    clips: Clips
    texts: Sequence[ClipTexts]


def fit(
    model: CodecSense,
    train: Lesson,
    validation: Lesson | None,
    settings: SFT,
    *,
    seed: int,
    state_file: Path,
    processes: Processes,
) -> Curve:
    """Train LoRA `sft`, or the language model, and the senses on the answers; returns the curve.

    Where a `validation` is given, its loss stands in the curve and the best weights in `best_of(state_file)`.
    """
    if settings.sense.batch % processes.parts:
        raise ValueError(f"sft.sense.batch {settings.sense.batch} does not divide into {processes.parts} pieces")
    menu = Menu(settings.questions, settings.captions, settings.reasoned)
    senses_told = Senses(train.clips, train.texts, settings.sense) if settings.sense.batch else None
    rows_asked = askable(train.texts, menu, label="sft")
    for lesson in [train] if validation is None else [train, validation]:
        inspect(lesson.clips, label="sft")
    tuned = tune(model.host, settings, seed)
    senses = [weight for part in (model.adapter, model.audio) if part is not None for weight in part.parameters()]
    groups = [(tuned, settings.lora_learning_rate)] + ([(senses, settings.senses_learning_rate)] if senses else [])
    optimiser = Optimiser(groups, settings.optimiser, steps=settings.steps, processes=processes)
    weights = trained_weights(model)
    network = processes.wrap(AtOnce(model), optimiser)

    def step(number: int, generator: torch.Generator) -> tuple[Iterator[Tensor], dict[str, float]]:
        rows = rows_asked[torch.randint(len(rows_asked), (settings.batch,), generator=generator)]
        tasks = [Task("answers", 1.0, rows, [choose(train.texts[row], menu, generator) for row in rows.tolist()])]
        tasks += [] if senses_told is None else senses_told.draw(generator)
        logged: dict[str, float] = {}  # filled while the losses are asked for
        return losses(network, train.clips, tasks, processes, logged), logged

    watch = None
    if validation is not None:
        held_out = askable(validation.texts, menu, label="sft: validation")
        watch = Watch(
            lambda: validate(network, validation, held_out, menu, settings, processes),
            every=settings.validate_every,
            lowest="validation_loss",
            best=best_of(state_file),
        )
    with recomputed(model.host) if settings.compute.checkpointing else nullcontext():
        return run(
            step,
            optimiser=optimiser,
            weights=weights,
            steps=settings.steps,
            seed=seed,
            state_file=state_file,
            save_every_s=settings.save_every_s,
            label="sft",
            watch=watch,
        )


def best_of(state_file: Path) -> Path:
    """Where the weights that were best on validation are kept beside the state of a loop."""
    return state_file.with_suffix(".best.safetensors")


def trained_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """What trains, by name; all else is frozen."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def tune(host: Host, settings: SFT, seed: int) -> list[nn.Parameter]:
    """Make a fresh LoRA, or the language model itself, what trains of the host; returns those weights."""
    if settings.tuned == "lora":
        return add_lora(host, "sft", settings.lora, seed=seed)
    frozen = {id(weight) for weight in host.tower.parameters()}
    for weight in host.parameters():
        weight.requires_grad_(id(weight) not in frozen)
    return [weight for weight in host.parameters() if weight.requires_grad]


class AtOnce(nn.Module):
    """Several batches in one call: wrappers that share gradients or weights count calls and want one per piece."""

    def __init__(self, model: CodecSense) -> None:
        super().__init__()
        self.model = model

    def forward(self, parts: Sequence[tuple[Batch, Sequence[Sequence[Text]]]]) -> list[Scored]:
        """The scores of each batch."""
        return [self.model(clips, texts) for clips, texts in parts]


def losses(
    network: nn.Module, clips: Clips, tasks: Sequence[Task], processes: Processes, logged: dict[str, float]
) -> Iterator[Tensor]:
    """The loss of each of this process's pieces; their mean over all processes and pieces is that of the tasks.

    Once all are asked for, `logged` says what each of several tasks lost.
    """
    words = [_words(task.asked) for task in tasks]
    lost = [0.0] * len(tasks)
    whole = len(tasks[0].rows)
    for own in processes.pieces():
        cuts = [_cut(own, len(task.rows), whole) for task in tasks]
        parts = [_part(clips, task, cut, processes) for task, cut in zip(tasks, cuts, strict=True)]
        total: Tensor = torch.zeros(())
        for number, (task, scored) in enumerate(zip(tasks, network(parts), strict=True)):
            share = _words(task.asked[cuts[number]]) * processes.parts / words[number]
            loss = answer_loss(scored.logits, scored.words) * share
            lost[number] += float(loss.detach()) / processes.accumulation
            total = loss * task.weight if number == 0 else total + loss * task.weight
        yield total
    if len(tasks) > 1:
        logged |= {task.name: processes.mean(loss) for task, loss in zip(tasks, lost, strict=True)}


def _words(asked: Sequence[Sequence[Text]]) -> int:
    return sum(len(text.answer) for texts in asked for text in texts)


def _cut(own: slice, count: int, whole: int) -> slice:
    """The part of `count` clips that falls to the piece `own` of `whole`."""
    return slice(own.start * count // whole, own.stop * count // whole)


def _part(clips: Clips, task: Task, cut: slice, processes: Processes) -> tuple[Batch, Sequence[Sequence[Text]]]:
    given = None if task.given is None else Given(*(flags[cut] for flags in task.given))
    return processes.place(clips.batch(task.rows[cut], given)), task.asked[cut]


def validate(
    network: nn.Module,
    lesson: Lesson,
    rows_asked: Int[Tensor, " rows"],
    menu: Menu,
    settings: SFT,
    processes: Processes,
) -> dict[str, float]:
    """Loss and share of right words in answers about validation clips: the same clips and questions each time."""
    generator = torch.Generator().manual_seed(0)
    summed = right = words = 0.0
    for _ in range(settings.validation_batches):
        rows = rows_asked[torch.randint(len(rows_asked), (settings.batch,), generator=generator)]
        asked = [choose(lesson.texts[row], menu, generator) for row in rows.tolist()]
        own = processes.share()
        scored = network([(processes.place(lesson.clips.batch(rows[own])), asked[own])])[0]
        summed += float(answer_loss(scored.logits, scored.words) * len(scored.words))
        right += float((scored.logits.argmax(-1) == scored.words).sum())
        words += len(scored.words)
    everyone = [processes.mean(value) for value in (summed, right, words)]
    return {"validation_loss": everyone[0] / everyone[2], "validation_right": everyone[1] / everyone[2]}


def load_best(model: nn.Module, file: Path) -> None:
    """Put the weights that `fit` found best on validation into the model that it has trained."""
    saved = load_file(file)
    with torch.no_grad():
        for name, weight in trained_weights(model).items():
            weight.copy_(saved[name])


@contextmanager
def recomputed(host: Host) -> Iterator[None]:
    """While inside, the language model's activations are not kept but computed again on the way back."""
    training = host.training
    host.train()  # transformers checkpoints nothing in a model that is not being trained
    host.bare.activation_checkpointing_enable()
    try:
        yield
    finally:
        host.bare.activation_checkpointing_disable()
        host.train(training)
