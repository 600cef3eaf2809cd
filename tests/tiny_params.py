"""params.yaml with the differences of tests/tiny.yaml, for tests that run the stages themselves."""

from functools import reduce
from pathlib import Path
from typing import Any

from codecsense import config

ROOT = Path(__file__).parents[1]


def tiny() -> dict[str, Any]:
    """Every section, small enough for the whole graph to run within a minute."""
    return as_short_in_every_run(changed(config.read(ROOT / "params.yaml"), config.read(ROOT / "tests/tiny.yaml")))


def as_short_in_every_run(values: dict[str, Any]) -> dict[str, Any]:
    """The values without the number of steps that a run asks for itself."""
    runs = {
        name: {key: value for key, value in run.items() if key != "sft.steps"} for name, run in values["runs"].items()
    }
    return {**values, "runs": runs}


def changed(values: dict[str, Any], differences: dict[str, Any]) -> dict[str, Any]:
    """The values with differences that are written with dotted keys."""
    return reduce(_laid_over, differences.items(), values)


def _laid_over(values: dict[str, Any], difference: tuple[str, Any]) -> dict[str, Any]:
    first, _, rest = difference[0].partition(".")
    assert first in values, f"a difference names `{difference[0]}`, which params.yaml does not have"
    new = _laid_over(values[first], (rest, difference[1])) if rest else difference[1]
    return {**values, first: new}
