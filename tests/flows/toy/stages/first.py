"""The root of the toy's graph."""

from pathlib import Path

from stages import orders


def first(*, source: Path, target: Path) -> None:
    """Join what it reads."""
    orders.join([source], target)
