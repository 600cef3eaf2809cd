"""The whole graph on a handful of clips: every stage reads what the one before it wrote, and a second run has no work.

The stages run in this process, in the order of the graph and with the arguments of dvc.yaml, because starting
each would cost more than the stage. That DVC agrees is asked of DVC itself.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from tiny_params import ROOT, tiny

from codecsense import config
from codecsense.schemas import answers
from flows import graph, stage

TREE = ["codecsense", "stages", "flows", "dvc.yaml", ".dvcignore"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tree with tiny parameters, in which the whole graph has been run once."""
    place = tmp_path_factory.mktemp("tiny")
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(
            ROOT / name,
            place / name,
            **({"ignore": shutil.ignore_patterns("__pycache__")} if copy is shutil.copytree else {}),
        )
    (place / "params.yaml").write_text(yaml.safe_dump(tiny()))
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)
    dvc(place, "init", "--quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("DVC_STAGE", raising=False)
        for node in graph.nodes(place):
            assert stage.main(node.argv) == 0, node.name
        dvc(place, "commit", "--force", "--quiet")
        yield place


def dvc(place: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=place, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_run_has_answered_the_test_questions(place: Path):
    for run in config.read(place / "params.yaml")["evaluated"]:
        found = answers.read(place / "data" / "results" / run / "answers.parquet")
        assert set(found["run"]) == {run}
        assert found.filter(pl.col("mode") == "direct").height > 40


def test_the_report_holds_every_run_and_every_promise(place: Path):
    metrics = json.loads((place / "data/report/metrics.json").read_text())
    values = config.read(place / "params.yaml")
    assert set(values["evaluated"]) <= set(metrics["accuracy"])
    assert len(metrics["promises"]) == len(values["report"]["gates"]) + len(values["report"]["probe_gates"])
    page = (place / "data/report/index.html").read_text()
    assert all(run in page for run in values["evaluated"])


def test_every_rival_has_its_line_in_one_table(place: Path):
    tried = [line["name"] for line in config.read(place / "params.yaml")["rivals"]["tried"]]
    lines = (place / "data/rivals/table.md").read_text().splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:]] == tried
    assert set(json.loads((place / "data/rivals/metrics.json").read_text())) == set(tried)
    page = (place / "data/report/index.html").read_text()
    assert "Training-free rivals" in page
    assert all(name in page for name in tried)


def test_a_second_run_has_no_work(place: Path):
    assert "Data and pipelines are up to date" in dvc(place, "repro")


def test_a_changed_value_reruns_what_watches_it_and_nothing_else(place: Path):
    params = place / "params.yaml"
    values = config.read(params)
    params.write_text(yaml.safe_dump({**values, "report": {**values["report"], "bootstrap_draws": 101}}))
    try:
        changed = json.loads(dvc(place, "status", "--json"))
    finally:
        params.write_text(yaml.safe_dump(values))
    assert set(changed) == {"report"}


def test_a_lost_output_is_missed_by_its_stage_and_by_what_reads_it(place: Path):
    lost = place / "data" / "results" / "full" / "answers.parquet"
    kept = lost.read_bytes()
    lost.unlink()
    try:
        changed = json.loads(dvc(place, "status", "--json"))
    finally:
        lost.write_bytes(kept)
    assert set(changed) == {"evaluate@full", "report"}
