"""Where a stage runs and what it asks for, decided without a Slurm at hand; what needs one is in tests/slurm."""

import json
import shutil
from pathlib import Path

import pytest
from toy_graph import ROOT

from codecsense import config
from flows import graph, launch, slurm, work
from flows.slurm import Stand


def test_the_cluster_file_of_the_repository_is_valid_and_names_stages_that_exist():
    found = launch.cluster(ROOT / "cluster.yaml")
    stages = {node.argv[0] for node in graph.nodes(ROOT)}
    assert {label.split("@")[0] for label in found.stages} <= stages


def test_no_stage_watches_where_it_runs():
    watched = {dep for node in graph.nodes(ROOT) for dep in node.deps}
    assert not [dep for dep in watched if dep == "cluster.yaml" or dep.startswith("flows")]


def test_a_stage_gets_the_defaults_then_what_its_kind_then_what_it_itself_changes(tmp_path: Path):
    values = config.read(ROOT / "cluster.yaml")
    values["stages"] = {"sft": {"gpus": 4, "hours": 9.0}, "sft@full": {"hours": 20.0}}
    (tmp_path / "cluster.yaml").write_text(json.dumps(values))
    found = launch.cluster(tmp_path / "cluster.yaml")
    assert (found.resources("sft@full").gpus, found.resources("sft@full").hours) == (4, 20.0)
    assert found.resources("sft@mv").hours == 9.0
    assert found.resources("world") == found.defaults


def test_an_unknown_key_of_the_cluster_file_is_named(tmp_path: Path):
    values = config.read(ROOT / "cluster.yaml")
    values["stages"] = {"sft": {"gpu": 4}}
    (tmp_path / "cluster.yaml").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"cluster.yaml: (?s:.*)gpu"):
        launch.cluster(tmp_path / "cluster.yaml")


def test_a_stage_that_cannot_be_cut_into_shares_is_not(tmp_path: Path):
    values = config.read(ROOT / "cluster.yaml")
    values["stages"] = {"sft": {"shares": 4}}
    (tmp_path / "cluster.yaml").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"stages.sft.shares: only audit, extract, think, blind, evaluate"):
        launch.cluster(tmp_path / "cluster.yaml")


def test_the_stages_that_can_be_cut_are_those_whose_code_reads_its_share():
    reading = {"codecsense/workers.py", "codecsense/shares.py", "codecsense/turns.py"}
    watching = {node.argv[0] for node in graph.nodes(ROOT) if reading & set(node.deps)}
    assert watching - {"features"} == set(launch.IN_SHARES)  # that one counts the processors, and no more


def test_an_unknown_place_is_answered_with_the_places_there_are():
    assert launch.chosen({}) == "inline"
    with pytest.raises(ValueError, match="CODECSENSE_CLUSTER=cloud: choose one of inline, local, slurm"):
        launch.chosen({"CODECSENSE_CLUSTER": "cloud"})


def test_a_job_inherits_what_is_named_and_nothing_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_TOKEN", "planted")
    monkeypatch.setenv("HF_HOME", "/models")
    found = launch.cluster(ROOT / "cluster.yaml")
    passed = launch.parameters(found.defaults, found, "name")["additional_parameters"]["export"].split(",")
    assert "HF_HOME" in passed
    assert "PATH" in passed
    assert "SECRET_TOKEN" not in passed


@pytest.mark.parametrize(
    ("line", "stand"),
    [
        ("PENDING|Resources|", Stand.ACTIVE),
        ("PENDING|JobHeldUser|", Stand.HELD),
        ("PENDING|launch failed requeued held|", Stand.HELD),
        ("RUNNING|None|n2", Stand.ACTIVE),
        ("COMPLETING|None|n2", Stand.ACTIVE),
        ("REQUEUED|None|", Stand.ACTIVE),
        ("NODE_FAIL|NodeDown|n1", Stand.ENDED),
        ("TIMEOUT|TimeLimit|n1", Stand.ENDED),
        ("COMPLETED|None|n1", Stand.ENDED),
    ],
)
def test_what_the_queue_says_has_one_meaning(line: str, stand: Stand):
    assert slurm.read_queue(line).stand == stand


def test_results_that_were_kept_come_back_after_dvc_has_emptied_the_outputs(tmp_path: Path):
    root, place = tmp_path / "root", tmp_path / "kept"
    (root / "data/run").mkdir(parents=True)
    (root / "data/run/weights").write_text("weights")
    (root / "data/table").write_text("table")
    work.keep(["data/run", "data/table"], root, place)
    shutil.rmtree(root / "data/run")
    (root / "data/table").unlink()
    (root / "data/table").write_text("changed by a person since")
    work.bring_back(["data/run", "data/table"], root, place)
    assert (root / "data/run/weights").read_text() == "weights"
    assert (root / "data/table").read_text() == "changed by a person since"
    assert not place.exists()


def test_work_is_the_same_only_as_long_as_what_it_reads_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("seed: 0")
    Path("data").mkdir()
    Path("data/table").write_text("one")
    first = launch.fingerprint(["stage"], ["data"])
    assert launch.fingerprint(["stage"], ["data"]) == first
    Path("data/table").write_text("two!")
    second = launch.fingerprint(["stage"], ["data"])
    Path("params.yaml").write_text("seed: 1")
    third = launch.fingerprint(["stage"], ["data"])
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))  # as `cp --archive` would
    monkeypatch.chdir(tmp_path / "copy")
    assert len({first, second, third, launch.fingerprint(["stage"], ["data"])}) == 4


def test_a_node_whose_name_only_slurm_knows_is_found_by_its_address():
    told = {"SLURM_LAUNCH_NODE_IPADDR": "127.0.0.7"}
    assert work.reachable("localhost", told) == "localhost"
    assert work.reachable("no name at all", told) == "127.0.0.7"
