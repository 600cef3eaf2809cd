"""`params.yaml` as types: one field per section, and the rule that lays a run over the base.

A run is a set of differences from the base, written with dotted keys: `{model.adapter.streams: [mv]}`.
A run of `rl_runs` starts where another run's Stage 2 ended, so that run's differences come first.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from codecsense.config import Config


class Params(Config):
    """Every section of `params.yaml`. A stage receives the sections that its signature names."""

    seed: int
    corpora: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, Any]]
    rl_runs: dict[str, dict[str, Any]]
    evaluated: list[str]


def load(path: Path, run: str | None = None) -> Params:
    """The parameters of `path` with the differences of `run` laid over them; errors name file and key."""
    values = _read(path)
    for difference in _differences(values, run, path):
        values = _overlay(values, difference, path, run)
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ValueError(_explain(error, path, run)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold sections, found {type(values).__name__}")
    return values


def _differences(values: dict[str, Any], run: str | None, path: Path) -> list[dict[str, Any]]:
    if run is None:
        return []
    runs, rl_runs = values.get("runs") or {}, values.get("rl_runs") or {}
    if run in runs:
        return [runs[run] or {}]
    if run in rl_runs:
        difference = dict(rl_runs[run] or {})
        start = difference.get("vanao.start", values.get("vanao", {}).get("start"))
        if start not in runs:
            raise ValueError(f"{path}: run `{run}` starts from `{start}`, which is not one of `runs`")
        return [runs[start] or {}, difference]
    raise ValueError(f"{path}: no run `{run}`; there are: {', '.join([*runs, *rl_runs])}")


def _overlay(values: dict[str, Any], difference: dict[str, Any], path: Path, run: str | None) -> dict[str, Any]:
    result = values
    for dotted, value in difference.items():
        result = _replace(result, dotted.split("."), value, f"{path}: run `{run}`: `{dotted}`")
    return result


def _replace(values: Any, keys: list[str], new: Any, where: str) -> Any:
    if not isinstance(values, dict) or keys[0] not in values:
        raise ValueError(f"{where} names `{keys[0]}`, which the base parameters do not have")
    inner = new if len(keys) == 1 else _replace(values[keys[0]], keys[1:], new, where)
    return {**values, keys[0]: inner}


def _explain(error: ValidationError, path: Path, run: str | None) -> str:
    run_note = f" (run `{run}`)" if run else ""
    lines = [f"{path}{run_note} is not usable:"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        lines.append(f"  {key}: {_remedy(problem)}")
    return "\n".join(lines)


def _remedy(problem: Any) -> str:
    given = problem.get("input")
    if problem["type"] == "extra_forbidden":
        return "no such key; remove it or correct its spelling"
    if problem["type"] == "missing":
        return "this key is missing; every value must be written"
    if problem["type"].startswith("float") and isinstance(given, str):
        return f"{given!r} was read as text, not as a number; YAML wants a point: write 1.0e-4, not 1e-4"
    return f"{problem['msg']} (found {given!r})"
