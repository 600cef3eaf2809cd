"""Stage 2: the host learns to use motion and audio tokens, through LoRA; its own weights stay frozen [1, section 3.4].

Beside the questions a step asks for captions of single intervals, which the report does not have. Without them a tiny
host stays at what the anchors tell, so they are a declared departure (`captions: {}` turns them off).

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, eq. 8-9.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from codecsense.clips import Clips
from codecsense.config import Config
from codecsense.model import CodecSense
from codecsense.texts import ClipTexts, Menu, choose
from codecsense.training.loop import run
from codecsense.training.lora import LoRAConfig
from codecsense.training.lora import add as add_lora
from codecsense.training.losses import answer_loss
from codecsense.training.schedule import Optimiser, OptimiserConfig


class SFT(Config):
    """Section `sft` of params.yaml."""

    steps: int
    batch: int
    questions: dict[str, int]  # of each type, per clip and step
    captions: dict[str, int]  # of each modality, per clip and step
    reasoned: int  # two-stage answers per clip and step
    lora: LoRAConfig
    lora_learning_rate: float
    senses_learning_rate: float
    save_every_s: float
    optimiser: OptimiserConfig


def fit(
    model: CodecSense, clips: Clips, texts: Sequence[ClipTexts], settings: SFT, *, seed: int, state_file: Path
) -> list[dict[str, float]]:
    """Train LoRA `sft` and the senses on the answers; returns the curve."""
    lora = add_lora(model.host, "sft", settings.lora, seed=seed)
    senses = [weight for part in (model.adapter, model.audio) if part is not None for weight in part.parameters()]
    groups: list[tuple[list[torch.nn.Parameter], float]] = [(lora, settings.lora_learning_rate)]
    if senses:
        groups.append((senses, settings.senses_learning_rate))
    optimiser = Optimiser(groups, settings.optimiser, steps=settings.steps)
    menu = Menu(settings.questions, settings.captions, settings.reasoned)

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(clips), (settings.batch,), generator=generator)
        asked = [choose(texts[row], menu, generator) for row in rows.tolist()]
        scored = model(clips.batch(rows), asked)
        return answer_loss(scored.logits, scored.packed.labels), {}

    return run(
        step,
        optimiser=optimiser,
        weights={name: weight for name, weight in model.named_parameters() if weight.requires_grad},
        steps=settings.steps,
        seed=seed,
        state_file=state_file,
        save_every_s=settings.save_every_s,
        label="sft",
    )
