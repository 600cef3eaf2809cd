"""Sections `align`, `sft` and `vanao` of params.yaml for tiny twins, and what reinforcement starts from."""

from pathlib import Path

import polars as pl
import tiny_twins
import torch
from torch import nn

from codecsense.rewards import accuracy, length
from codecsense.rewards import format as well_formed
from codecsense.training import align, checkpoints, grpo, sft
from codecsense.training.hippo_sense import HippoSense
from codecsense.training.lora import add as add_lora
from codecsense.training.processes import Compute, Sharded

AT_EVERY_STEP = -1.0
ALIGN = align.Align(
    steps=4,
    batch=3,
    learning_rate=2e-3,
    objective="info_nce",
    temperature=0.07,
    temperature_floor=0.01,
    cosine_weight=0.5,
    mse_weight=0.5,
    branch_weight=0.25,
    views=align.Views(fused=["tokens", "quarters"], branch=["tokens"]),
    whole_share=0.25,
    most_changed=12,
    least_change=0.05,
    validate_every=2,
    validation_batches=1,
    save_every_s=AT_EVERY_STEP,
    optimiser=tiny_twins.OPTIMISER,
    compute=Compute(device="cpu", precision="fp32"),
    log_to=[],
)
SFT = sft.SFT(
    steps=4,
    batch=2,
    questions={"hidden": 1},
    captions={"visual": 1, "audio": 1},
    reasoned=1,
    sense=HippoSense(batch=0, shift=1, vas_weight=0.1, avs_weight=0.1),
    tuned="lora",
    lora=tiny_twins.LORA,
    lora_learning_rate=1e-2,
    senses_learning_rate=1e-2,
    validate_every=2,
    validation_batches=1,
    keep="last",
    save_every_s=AT_EVERY_STEP,
    optimiser=tiny_twins.OPTIMISER,
    compute=Sharded(device="cpu", precision="fp32", zero=0, accumulation=1, checkpointing=False),
    log_to=[],
)
VANAO = grpo.Vanao(
    start="audio",
    objective="grpo",
    steps=4,
    updates=1,
    prompts=3,
    samples=4,
    least_sure=0.0,
    most_sure=1.0,
    held_out=0,
    validate_every=2,
    temperature=1.0,
    max_new_tokens=5,
    rewards=[
        well_formed.Settings(name="format"),
        length.Settings(name="length", omega=0.2, shortest=1, longest=4),
        accuracy.Settings(name="accuracy"),
    ],
    advantage="group_std",
    clip=0.2,
    kl_weight=0.04,
    dpo_beta=0.1,
    lora=tiny_twins.LORA,
    learning_rate=1e-2,
    dump_every=2,
    save_every_s=AT_EVERY_STEP,
    optimiser=tiny_twins.OPTIMISER,
)


def reference(folder: Path) -> Path:
    """A checkpoint of Stage 2 that says more than one thing."""
    model = tiny_twins.model()
    for weight in add_lora(model.host, "sft", tiny_twins.LORA, seed=0):
        nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(2))
    checkpoints.save(model, folder, notes={})
    return folder


def measured() -> pl.DataFrame:
    """A table `blind` of the made-up clips."""
    asked = tiny_twins.tables().questions.filter(pl.col("type") == "joint")
    summaries = {"summary_visual": pl.lit("red go left"), "summary_audio": pl.lit("high n2")}
    shares = {name: pl.lit(0.5) for name in ("p_visual", "p_audio", "p_both")}
    return asked.select("question_id", "clip_id", "text", "answer").with_columns(**summaries, **shares)
