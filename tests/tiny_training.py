"""Sections `align` and `sft` of params.yaml for tiny twins."""

import tiny_twins

from codecsense.training import align, sft
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
