"""How a value of `params.yaml` becomes a typed, frozen object, and how a name becomes a file.

Values live in `params.yaml` and nowhere else, so no field has a default: a missing key is an error, an
unknown key is an error, and a number written as text is an error. Anything with variants has a
`name`, and the name is the file of a folder that defines its `Settings`.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny


class Config(BaseModel):
    """A section of `params.yaml`: frozen, strict about types, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def read(path: Path) -> dict[str, Any]:
    """The sections of a YAML file, as they are written: not yet typed, not yet checked."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold sections, found {type(values).__name__}")
    return values


def pick(folder: str) -> Any:
    """An annotation for a field whose `name` chooses one file of the package `folder`.

    `encoder: Annotated[EncoderConfig, pick("codecsense.adapter.encoders")]` reads `{name: slots, ...}`
    and validates it with `codecsense.adapter.encoders.slots.Settings`.
    """

    def choose(value: object) -> object:
        if isinstance(value, Config):
            return value
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            raise ValueError(f"needs a `name`, one of: {', '.join(variants(folder))}")
        name = value["name"]
        if name not in variants(folder):
            raise ValueError(f"no variant `{name}` in {folder}; there are: {', '.join(variants(folder))}")
        return importlib.import_module(f"{folder}.{name}").Settings.model_validate(value)

    return BeforeValidator(choose)


def variants(folder: str) -> list[str]:
    """The names of the variants that the package `folder` offers: its public files, sorted."""
    package = importlib.import_module(folder)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))


__all__ = ["Annotated", "Config", "SerializeAsAny", "pick", "read", "variants"]
