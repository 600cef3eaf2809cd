"""What a trained model is on disk: `senses.safetensors`, a PEFT folder per LoRA, `model.json`, and a model card.

The host's own weights are not copied where they are frozen: `model.json` names them. A folder that is whole holds them
too, in the hub's form and with the LoRAs merged: a plain model for whoever has transformers alone.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from codecsense.adapter import Shapes
from codecsense.hosts import Host
from codecsense.model import CodecSense, Model
from codecsense.training.lora import use
from codecsense.training.model_card import card

SENSES = "senses.safetensors"
DESCRIPTION = "model.json"
CARD = "README.md"
# What a host of the hub needs beside weights and tokenizer to be used without us.
PROCESSOR = (
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
    "chat_template.jinja",
)


def save(model: CodecSense, folder: Path, *, notes: dict[str, Any], whole: bool = False) -> None:
    """Write the model's own weights and how to build it; `notes` are kept with it, and `whole` keeps the host as well.

    A host that has LoRAs cannot be written whole before they are merged.
    """
    from peft import PeftModel

    folder.mkdir(parents=True, exist_ok=True)
    save_file(senses(model), folder / SENSES)
    if whole:
        _save_host(model, folder)
    elif isinstance(model.host.model, PeftModel):
        model.host.model.save_pretrained(str(folder / "lora"), safe_serialization=True)
    sound_width = model.audio.sound_width if model.audio else 0
    description = {"model": model.settings.model_dump(), "shapes": model.shapes._asdict(), "sound_width": sound_width}
    (folder / DESCRIPTION).write_text(json.dumps(description | {"notes": notes}, indent=1) + "\n")
    kinds = model.start.kinds
    counted = {"motion_tokens": int((kinds == 2).sum()), "audio_tokens": int((kinds == 3).sum())}
    text = card(model.settings, context_tokens=model.context_tokens, **counted, notes=notes, whole=whole)
    (folder / CARD).write_text(text)


def _save_host(model: CodecSense, folder: Path) -> None:
    from peft import PeftModel
    from transformers.utils.hub import cached_file

    if isinstance(model.host.model, PeftModel):
        raise ValueError(f"the host has LoRAs ({', '.join(model.host.model.peft_config)}); merge them first")
    model.host.save(folder)
    if model.settings.host.weights != "tiny":
        for name in PROCESSOR:
            found = cached_file(model.settings.host.weights, name, _raise_exceptions_for_missing_entries=False)
            if found is not None:
                shutil.copyfile(found, folder / name)


def merge(model: CodecSense) -> None:
    """Make the acting LoRAs part of the host's weights, for good: it is a plain model of transformers from now on."""
    from peft import PeftModel

    if not isinstance(model.host.model, PeftModel):
        raise ValueError("the host has no LoRA to merge")
    model.host.model = model.host.model.merge_and_unload(safe_merge=True)


def load_trained(folder: Path, *, weights: Path | None = None) -> CodecSense:
    """The model saved in `folder`, ready to answer, its host included: in one call.

    The host comes from the folder itself if that is whole, else from the hub, or from `weights`, the folder that the
    stage `host` has written, which a model on a tiny host cannot do without.
    """
    host = describe(folder)[0].host
    if (folder / "config.json").is_file():
        host = host.model_copy(update={"weights": str(folder)})
    elif host.weights == "tiny":
        if weights is None:
            raise ValueError(f"{folder} stands on a tiny host; name the folder it was frozen in, such as data/host")
        host = host.model_copy(update={"weights": str(weights / "host")})
    return load(folder, host.build(words=[], seed=0)).eval()


def fingerprint(*folders: Path) -> str:
    """A name for the weights in some folders: what their files are called and hold.

    Files beyond a quarter of a gigabyte count by size and time, for reading them again would take as long as loading.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            stat = file.stat()
            large = stat.st_size > 2**28
            digest.update(f"{file.relative_to(folder)}\0{stat.st_size}\0".encode())
            digest.update(str(stat.st_mtime_ns).encode() if large else file.read_bytes())
    return digest.hexdigest()


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
    if (folder / "config.json").is_file() and host.bare.config.name_or_path != str(folder):
        raise ValueError(f"{folder} holds a host of its own, which is not the one given; use load_trained")
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
