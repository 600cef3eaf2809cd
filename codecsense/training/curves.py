"""Training curves as CSV, one row per step: what `dvc plots` and the report draw."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl


def write_curve(curve: Sequence[dict[str, float]], file: Path) -> None:
    """Write a curve; a run of no steps has an empty one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(list(curve), infer_schema_length=None).write_csv(file)
