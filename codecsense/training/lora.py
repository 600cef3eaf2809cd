"""LoRA on the language model alone: Stage 2's, and on top of it the policy's in reinforcement learning.

The vision tower has layers of the same names, so targets are matched by path and never by name alone.
"""

import re
from typing import TYPE_CHECKING, cast

import torch

from codecsense.config import Config
from codecsense.hosts import Host

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel


class LoRAConfig(Config):
    """Rank, scale and the layers that it is added to, by their last name."""

    rank: int
    alpha: int
    targets: list[str]  # the report has q, k, v, o, gate, up and down (table of section C)


def add(host: Host, name: str, settings: LoRAConfig, *, seed: int) -> list[torch.nn.Parameter]:
    """Put a fresh LoRA called `name` on the host, beside those it has; only the new one trains. Returns its weights."""
    from peft import LoraConfig, PeftModel, get_peft_model

    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=0.0, target_modules=_layers(settings.targets)
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if isinstance(host.model, PeftModel):
            host.model.add_adapter(name, config)
        else:
            host.model = get_peft_model(host.model, config, adapter_name=name)
    use(host, list(host.model.peft_config))
    weights = {key: weight for key, weight in host.model.named_parameters() if f".{name}." in key}
    for weight in host.model.parameters():
        weight.requires_grad_(False)
    for weight in weights.values():
        weight.requires_grad_(True)
    return list(weights.values())


def _layers(targets: list[str]) -> str:
    """A pattern for the paths of these layers in the language model."""
    return rf".*language_model.*\.({'|'.join(map(re.escape, targets))})"


def use(host: Host, names: list[str]) -> None:
    """Let exactly these LoRAs act, in this order."""
    cast("LoraModel", host.model.base_model).set_adapter(names)
