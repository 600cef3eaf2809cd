"""What a trained model is on disk: `senses.safetensors`, a PEFT folder per LoRA, and `model.json`, how to build it.

The host's own weights are not copied: they are frozen, and `model.json` names them.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from codecsense.adapter import Shapes
from codecsense.hosts import Host
from codecsense.model import CodecSense, Model
from codecsense.training.lora import use

SENSES = "senses.safetensors"
DESCRIPTION = "model.json"


def save(model: CodecSense, folder: Path, *, notes: dict[str, Any]) -> None:
    """Write the model's own weights and how to build it; `notes` are kept with it."""
    from peft import PeftModel

    folder.mkdir(parents=True, exist_ok=True)
    save_file(senses(model), folder / SENSES)
    if isinstance(model.host.model, PeftModel):
        model.host.model.save_pretrained(str(folder / "lora"), safe_serialization=True)
    sound_width = model.audio.sound_width if model.audio else 0
    description = {"model": model.settings.model_dump(), "shapes": model.shapes._asdict(), "sound_width": sound_width}
    (folder / DESCRIPTION).write_text(json.dumps(description | {"notes": notes}, indent=1) + "\n")


def senses(model: CodecSense) -> dict[str, torch.Tensor]:
    """Weights of adapter and audio branch, by name."""
    return {name: weight.contiguous() for name, weight in model.state_dict().items() if not name.startswith("host.")}


def describe(folder: Path) -> tuple[Model, Shapes, int]:
    """The settings, shapes and sound width that a checkpoint was built with."""
    file = folder / DESCRIPTION
    if not file.is_file():
        raise ValueError(f"{folder} is not a checkpoint: it has no {DESCRIPTION}")
    description = json.loads(file.read_text())
    return Model.model_validate(description["model"]), Shapes(**description["shapes"]), description["sound_width"]


def load(folder: Path, host: Host) -> CodecSense:
    """The model saved in `folder`, on `host`; a checkpoint of other sizes is refused with the name that differs."""
    from peft import PeftModel

    settings, shapes, sound_width = describe(folder)
    if host.width != shapes.host_width:
        raise ValueError(f"{folder} was made for a host of width {shapes.host_width}, not {host.width}")
    model = settings.build(host, shapes, sound_width=sound_width, seed=0)
    load_senses(model, folder / SENSES)
    loras = sorted(path.parent for path in folder.glob("lora/*/adapter_config.json"))
    names = sorted((lora.name for lora in loras), key=lambda name: name != "sft")
    for name in names:
        if isinstance(host.model, PeftModel):
            host.model.load_adapter(str(folder / "lora" / name), adapter_name=name)
        else:
            host.model = PeftModel.from_pretrained(host.model, str(folder / "lora" / name), adapter_name=name)
    if names:
        use(host, names)
    for weight in model.parameters():
        weight.requires_grad_(False)
    return model


def load_senses(model: CodecSense, file: Path) -> None:
    """Put saved weights of adapter and audio branch into the model; names and sizes must be the model's own."""
    saved, own = load_file(file), senses(model)
    if set(saved) != set(own):
        raise ValueError(f"{file} holds other weights than this model: {sorted(set(saved) ^ set(own))[:3]} differ")
    for name, weight in own.items():
        if saved[name].shape != weight.shape:
            raise ValueError(f"{file}: {name} is {tuple(saved[name].shape)}, this model has {tuple(weight.shape)}")
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(saved[name])
