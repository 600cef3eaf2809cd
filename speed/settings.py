"""The settings that all programs of this folder share: as shipped, with the differences that each names."""

from pathlib import Path

from codecsense import config
from codecsense.codecs.settings import AuditConfig
from codecsense.streams.settings import ExtractConfig

PARAMS = Path(__file__).parents[1] / "params.yaml"


def shipped(**changes: object) -> ExtractConfig:
    """Section `extract` of params.yaml, with `changes` laid over it."""
    return ExtractConfig.model_validate(config.read(PARAMS)["extract"] | changes)


def audit() -> AuditConfig:
    """Section `audit` of params.yaml."""
    return AuditConfig.model_validate(config.read(PARAMS)["audit"])
