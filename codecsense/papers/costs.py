"""What Stage 2 of a host of full size will cost in GPU hours, before it is submitted; a tiny host needs no GPU.

Arithmetic alone: through frozen weights a token costs two operations per weight forwards, two backwards and two more
where activations are computed again [1]; weights that train cost two more.

References:
    [1] Korthikanti et al., Reducing activation recomputation in large transformer models, arXiv 2205.05198.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from codecsense.streams.settings import ExtractConfig
from codecsense.training import estimate

OPERATIONS_PER_S = 148e12  # of an H20 in bf16, the GPU of the HY-Himmel report
USED = 0.4  # of them, ASSUMED
TEXT_TOKENS = 256  # of question and answer, ASSUMED
NONE = "–"


def hours(values: Mapping[str, Any], stages: Sequence[str]) -> str:
    """GPU hours of the trainings among `stages` (`sft@RUN`) with these parameters, and what a GPU must hold."""
    trainings = [name for name in stages if name.startswith("sft@")]
    if values["model"]["host"]["weights"] == "tiny" or not trainings:
        return NONE
    compute, sft = values["sft"]["compute"], values["sft"]
    job = estimate.Job(8, compute["zero"], 1, TEXT_TOKENS, compute["checkpointing"])
    extract = ExtractConfig.model_validate(values["extract"])
    _, found = estimate.of_sections(values["model"], extract, sft["lora"], None, job)
    one = step_hours(found, checkpointing=job.checkpointing) * sft["batch"] * sft["steps"]
    return f"{len(trainings) * one:.0f}, {found.total_bytes / 2**30:.0f} GiB on each of 8"


def step_hours(found: estimate.Estimate, *, checkpointing: bool) -> float:
    """GPU hours of one sample, forwards and backwards."""
    through = (6 if checkpointing else 4) * found.frozen_weights + 8 * found.trained_weights
    return found.tokens.total * through / (OPERATIONS_PER_S * USED) / 3600
