"""`params.yaml` as types: one field per section, and the rule that lays a run over the base.

A run is a set of differences from the base, written with dotted keys: `{model.adapter.streams: [mv]}`.
A run of `rl_runs` starts where another run's Stage 2 ended, so that run's differences come first. Loading
checks every run, not only the one asked for: a misspelt run should stop the first stage, not the tenth.
"""

import re
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator

from codecsense.codecs.settings import AuditConfig
from codecsense.config import Config, read
from codecsense.evaluation.answering import EvaluateConfig
from codecsense.evaluation.blind import BlindConfig
from codecsense.evaluation.probe import ProbeConfig
from codecsense.evaluation.rivals import RivalsConfig
from codecsense.model import Model
from codecsense.report import ReportConfig
from codecsense.streams.settings import ExtractConfig
from codecsense.think.settings import ThinkConfig
from codecsense.training.align import Align
from codecsense.training.grpo import Vanao
from codecsense.training.lessons import LessonConfig
from codecsense.training.reading import ReadingConfig
from codecsense.training.sft import SFT
from codecsense.two_stage import TwoStage
from codecsense.world import WorldConfig
from codecsense.world.quiz import DatasetConfig


class Params(Config):
    """Every section of `params.yaml`. A stage receives the sections that its signature names."""

    seed: int
    world: WorldConfig
    dataset: DatasetConfig
    probe: ProbeConfig
    threads: int
    corpora: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, Any]]
    rl_runs: dict[str, dict[str, Any]]
    evaluated: list[str]

    audit: AuditConfig
    extract: ExtractConfig
    model: Model
    see: LessonConfig
    hear: LessonConfig
    host: ReadingConfig
    align: Align
    sft: SFT
    two_stage: TwoStage
    blind: BlindConfig
    vanao: Vanao
    think: ThinkConfig
    evaluate: EvaluateConfig
    rivals: RivalsConfig
    report: ReportConfig

    @model_validator(mode="after")
    def _tables_agree(self) -> Self:
        """DVC cannot join two tables, so `evaluated` repeats their names; a run left out would never be reported."""
        names = [*self.runs, *self.rl_runs]
        unfit = [name for name in [*names, *self.corpora] if not re.fullmatch(r"[a-z][a-z0-9_]*", name)]
        if unfit:
            raise ValueError(f"names of runs and corpora are snake_case, unlike {', '.join(unfit)}")
        if sorted(self.evaluated) != sorted(names) or len(set(names)) < len(names):
            odd = sorted(set(self.evaluated) ^ set(names)) or "a name that stands twice"
            raise ValueError(f"`evaluated` must list every run of `runs` and `rl_runs` once; look at {odd}")
        return self


def load(path: Path, run: str | None = None) -> Params:
    """The parameters of `path` with the differences of `run` laid over them; errors name file, run and key."""
    values = read(path)
    base = _validate(values, path, None)
    resolved = {name: _validate(_resolve(values, name, path), path, name) for name in [*base.runs, *base.rl_runs]}
    if run is None:
        return base
    if run not in resolved:
        raise ValueError(f"{path}: no run `{run}`; there are: {', '.join(resolved)}")
    return resolved[run]


def _validate(values: dict[str, Any], path: Path, run: str | None) -> Params:
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ValueError(_explain(error, path, run)) from None


def _resolve(values: dict[str, Any], run: str, path: Path) -> dict[str, Any]:
    for difference in _differences(values, run, path):
        values = _overlay(values, difference, path, run)
    return values


def _differences(values: dict[str, Any], run: str, path: Path) -> list[dict[str, Any]]:
    runs, rl_runs = values["runs"], values["rl_runs"]
    if run in runs:
        return [runs[run]]
    if "vanao.start" in rl_runs[run]:
        remedy = "all of `rl_runs` share one start: set it in `vanao`"
        raise ValueError(f"{path}: run `{run}` sets `vanao.start`, but {remedy}")
    start = values["vanao"]["start"]
    if start not in runs:
        raise ValueError(f"{path}: run `{run}` starts from `{start}`, which is not one of `runs`")
    return [runs[start], rl_runs[run]]


def _overlay(values: dict[str, Any], difference: dict[str, Any], path: Path, run: str) -> dict[str, Any]:
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
        lines.append(f"  {key + ': ' if key else ''}{_remedy(problem)}")
    return "\n".join(lines)


def _remedy(problem: Any) -> str:
    given = problem.get("input")
    if problem["type"] == "extra_forbidden":
        return "no such key; remove it or correct its spelling"
    if problem["type"] == "missing":
        return "this key is missing; every value must be written"
    if problem["type"].startswith("float") and isinstance(given, str):
        return f"{given!r} was read as text, not as a number; YAML wants a point: write 1.0e-4, not 1e-4"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{problem['msg']} (found {given!r})"
