"""The one command of dvc.yaml: what it hands to a stage and how it answers a mistake."""

import json
import shutil
from pathlib import Path

import pytest

from flows import stage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    for name in stage.THREADS:
        monkeypatch.setenv(name, "1")
    return tmp_path


def complaint(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert stage.main(argv) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def test_an_unknown_stage_is_answered_with_the_stages_there_are(workplace: Path, capsys: pytest.CaptureFixture[str]):
    said = complaint(["wrold"], capsys)
    assert "there is no stage `wrold`" in said
    assert "report" in said


def test_a_flag_without_a_value_is_answered_with_the_usage(workplace: Path, capsys: pytest.CaptureFixture[str]):
    assert "usage: python -m flows.stage STAGE" in complaint(["report", "--output"], capsys)


def test_a_path_that_the_stage_does_not_take_is_named(workplace: Path, capsys: pytest.CaptureFixture[str]):
    said = complaint(["report", "--ouput", "data/report"], capsys)
    assert "'output'" in said
    assert "unknown arguments ['ouput']" in said


def test_a_misspelt_parameter_stops_the_stage_with_one_message(workplace: Path, capsys: pytest.CaptureFixture[str]):
    params = workplace / "params.yaml"
    params.write_text(params.read_text().replace("\nseed:", "\nsede:"))
    arguments = [part for name in expected_paths() for part in (f"--{name}", "x")]
    said = complaint(["report", *arguments], capsys)
    assert "sede: no such key; remove it or correct its spelling" in said


def test_the_traceback_is_there_for_who_asks(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CODECSENSE_TRACEBACK", "1")
    assert stage.main(["wrold"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_threads_are_set_from_the_parameters(tmp_path: Path):
    params = tmp_path / "params.yaml"
    params.write_text("threads: 3")
    environment: dict[str, str] = {"OMP_NUM_THREADS": "8"}
    stage.limit_threads(params, environment)
    assert {environment[name] for name in stage.THREADS} == {"3"}


def test_a_stage_is_called_as_dvc_calls_it():
    assert stage.label(["sft", "--run", "full"], {}) == "sft@full"
    assert stage.label(["audit", "--root", "x"], {"DVC_STAGE": "dvc.yaml:audit@world"}) == "audit@world"


def test_a_timing_is_left_for_work_that_ends_and_none_for_work_that_fails(tmp_path: Path):
    with stage.timed("sft@full", tmp_path):
        pass
    with pytest.raises(ValueError, match="no"), stage.timed("failed", tmp_path):
        raise ValueError("no")
    assert [file.name for file in tmp_path.iterdir()] == ["sft@full.json"]
    timing = json.loads((tmp_path / "sft@full.json").read_text())
    assert timing["stage"] == "sft@full"
    assert timing["wall_s"] >= 0
    assert timing["peak_mib"] > 0


def expected_paths() -> list[str]:
    import inspect

    from stages.params import Params

    return [name for name in inspect.signature(stage.find("report")).parameters if name not in Params.model_fields]
