"""`params.yaml`: what is refused, and what the refusal tells the person who wrote it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from codecsense import config
from stages import params

SHIPPED = Path(__file__).parents[2] / "params.yaml"

Load = Callable[..., params.Params]


@pytest.fixture
def values() -> dict[str, Any]:
    return config.read(SHIPPED)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(values: dict[str, Any], run: str | None = None) -> params.Params:
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(values))
        return params.load(path, run)

    return load


def test_the_shipped_parameters_are_valid_for_every_run():
    shipped = params.load(SHIPPED)
    for run in shipped.evaluated:
        params.load(SHIPPED, run)


def test_a_misspelt_key_is_named_together_with_the_key_that_is_missing(values: dict[str, Any], load: Load):
    values["align"]["lerning_rate"] = values["align"].pop("learning_rate")
    with pytest.raises(ValueError, match=r"align.lerning_rate: no such key") as error:
        load(values)
    assert "align.learning_rate: this key is missing" in str(error.value)


def test_a_misspelt_section_is_named(values: dict[str, Any], load: Load):
    values["wolrd"] = values.pop("world")
    with pytest.raises(ValueError, match="wolrd: no such key"):
        load(values)


def test_a_value_of_the_wrong_type_is_shown(values: dict[str, Any], load: Load):
    values["sft"]["steps"] = "many"
    with pytest.raises(ValueError, match=r"sft.steps: .*integer \(found 'many'\)"):
        load(values)


def test_a_learning_rate_that_yaml_reads_as_text_is_refused_with_the_remedy(tmp_path: Path, values: dict[str, Any]):
    values["align"]["learning_rate"] = "RATE"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values).replace("RATE", "1e-4"))
    with pytest.raises(ValueError, match=r"align.learning_rate: '1e-4' was read as text.*write 1.0e-4"):
        params.load(path)


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path):
    path = tmp_path / "params.yaml"
    path.write_text("sft: {steps: 3\nworld: [")
    with pytest.raises(ValueError, match="params.yaml is not valid YAML"):
        params.load(path)


def test_an_unknown_run_is_answered_with_the_runs_there_are(values: dict[str, Any], load: Load):
    with pytest.raises(ValueError, match="no run `fulll`; there are: .*full"):
        load(values, "fulll")


def test_a_run_lays_its_differences_over_the_base_and_leaves_the_rest_alone(values: dict[str, Any], load: Load):
    values["runs"]["short"] = {"sft.steps": 3}
    values["evaluated"].append("short")
    base, short = load(values), load(values, "short")
    assert short.sft.steps == 3
    assert short.sft.model_copy(update={"steps": base.sft.steps}) == base.sft
    assert short.world == base.world


def test_a_broken_run_stops_every_stage_and_is_named(values: dict[str, Any], load: Load):
    values["runs"]["short"] = {"sft.stesp": 3}
    values["evaluated"].append("short")
    with pytest.raises(ValueError, match="run `short`: `sft.stesp` names `stesp`, which the base parameters do not"):
        load(values, "full")


def test_an_rl_run_begins_with_the_differences_of_the_run_it_starts_from(values: dict[str, Any], load: Load):
    values["runs"]["short"] = {"sft.steps": 3}
    values["evaluated"].append("short")
    values["vanao"]["start"] = "short"
    for run in values["rl_runs"]:
        assert load(values, run).sft.steps == 3


def test_rl_runs_that_start_from_nowhere_are_refused(values: dict[str, Any], load: Load):
    values["vanao"]["start"] = "nowhere"
    with pytest.raises(ValueError, match="starts from `nowhere`, which is not one of `runs`"):
        load(values)


def test_an_rl_run_cannot_start_apart_from_the_others(values: dict[str, Any], load: Load):
    """The graph measures the blind baselines once, for the start that all of them share."""
    values["rl_runs"]["lost"] = {"vanao.start": "mv"}
    values["evaluated"].append("lost")
    with pytest.raises(ValueError, match=r"run `lost` sets `vanao.start`.*set it in `vanao`"):
        load(values)


def test_a_run_that_nobody_evaluates_is_refused(values: dict[str, Any], load: Load):
    values["runs"]["forgotten"] = {}
    with pytest.raises(ValueError, match=r"`evaluated` must list every run.*forgotten"):
        load(values)


def test_a_run_is_named_in_snake_case(values: dict[str, Any], load: Load):
    values["runs"]["no-motion"] = {}
    with pytest.raises(ValueError, match="snake_case, unlike no-motion"):
        load(values)
