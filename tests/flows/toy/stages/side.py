"""One of two branches."""

from pathlib import Path

from stages import orders


def side(*, source: Path, extra: Path, target: Path) -> None:
    """Join what it reads."""
    orders.join([source, extra], target)
