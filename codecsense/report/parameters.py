"""How many weights the motion adapter has, part by part, beside what the HY-Himmel report prints.

Counted on the meta device: every part is really built, and no memory is taken.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, table of trainable parameters (appendix C).
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from codecsense.adapter import AdapterConfig, Shapes
from codecsense.adapter.motion_adapter import MotionAdapter
from codecsense.config import Config, read


class LoRASize(Config):
    """What decides the weights of LoRA on all seven projections of every layer."""

    rank: int
    host_width: int
    kv_width: int  # of keys and values, which groups of heads share
    inner_width: int
    layers: int


class FullSize(Config):
    """The adapter, and what is reported of it in millions of weights."""

    adapter: AdapterConfig
    shapes: dict[str, int]
    lora: LoRASize
    reported_parameters: dict[str, float]


class Part(NamedTuple):
    """One row: weights of ours, and those reported, in millions."""

    name: str
    ours: float
    reported: float | None

    @property
    def off(self) -> float | None:
        """By how much ours differ, as a share of what is reported."""
        return None if self.reported is None else self.ours / self.reported - 1


def full_size(file: Path) -> FullSize:
    """The sections of a file such as `himmel.yaml` that say how large the adapter is."""
    values = read(file)
    missing = [name for name in FullSize.model_fields if name not in values]
    if missing:
        raise ValueError(f"{file} has no section `{missing[0]}`")
    return FullSize.model_validate({name: values[name] for name in FullSize.model_fields})


def stage_1(size: FullSize) -> list[Part]:
    """What Stage 1 trains: branches, fusion, backbone, head, and their sum."""
    with torch.device("meta"):
        adapter = MotionAdapter(size.adapter, Shapes(**size.shapes))
        head = adapter.head(temperature=1.0)
    parts = {f"branches.{stream}": millions(branch) for stream, branch in adapter.branches.items()}
    parts |= {"fusions": millions(adapter.fusions), "trunk": millions(adapter.trunk), "head": millions(head)}
    parts["total"] = sum(parts.values())
    return [Part(name, count, size.reported_parameters.get(name)) for name, count in parts.items()]


def stage_2(size: FullSize) -> list[Part]:
    """What Stage 2 has beside them: the projector into the host, which the report does not count, and LoRA."""
    with torch.device("meta"):
        adapter = MotionAdapter(size.adapter, Shapes(**size.shapes))
    known = millions(adapter.branches) + millions(adapter.fusions) + millions(adapter.trunk)
    projector = millions(adapter) - known
    reported = size.reported_parameters
    return [
        Part("projector, places and scale", projector, None),
        Part("lora", lora(size.lora), reported.get("lora")),
        Part("stage_2_total", known + projector + lora(size.lora), reported.get("stage_2_total")),
    ]


def millions(module: nn.Module) -> float:
    """Weights that train, in millions."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad) / 1e6


def lora(size: LoRASize) -> float:
    """Weights of LoRA on q, k, v, o, gate, up and down of every layer, in millions."""
    square, narrow = 2 * size.host_width, size.host_width + size.kv_width
    per_layer = 2 * square + 2 * narrow + 3 * (size.host_width + size.inner_width)
    return size.rank * per_layer * size.layers / 1e6


def remarks(size: FullSize) -> list[str]:
    """What does not add up in the report's own table, with the arithmetic."""
    reported = size.reported_parameters
    rows = sum(reported[name] for name in ("branches.mv", "branches.residual", "branches.context", "fusions", "trunk"))
    printed, total = reported["lora"], reported["stage_2_total"]
    halved = lora(size.lora.model_copy(update={"rank": size.lora.rank // 2}))
    return [
        f"Stage 2 as printed: {rows:.1f} + {printed:.1f} = {rows + printed:.1f} M, not {total:.1f}; with LoRA counted "
        f"twice it is {rows + 2 * printed:.1f}",
        f"LoRA of rank {size.lora.rank} on all seven projections is {lora(size.lora):.1f} M, not {printed:.1f}; "
        f"of rank {size.lora.rank // 2} it is {halved:.1f}",
    ]
