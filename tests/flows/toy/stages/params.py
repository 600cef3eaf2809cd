"""The toy's params.yaml: nothing that a stage takes."""

from pathlib import Path

from codecsense import config


class Params(config.Config):
    """One value, so that there is one to change."""

    threads: int
    seed: int


def load(file: Path, run: str | None = None) -> Params:
    return Params.model_validate(config.read(file))
