"""What needs both branches."""

from pathlib import Path

from stages import orders


def last(*, left: Path, right: Path, target: Path) -> None:
    """Join what it reads."""
    orders.join([left, right], target)
