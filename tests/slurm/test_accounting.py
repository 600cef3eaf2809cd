"""A Slurm that keeps accounts: nothing is different, not even when slurmdbd goes away in the middle."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from slurm.loopback import Loopback, missing
from toy_graph import PATIENCE_S, Place, wait_until

from flows import slurm as queue
from flows.slurm import Stand

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1200)]

REPRO = ("dvc", "repro", "--single-item", "first")


@pytest.fixture(scope="module")
def accounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    if lacking := missing(accounting=True):
        pytest.fail(f"tests marked `slurm` need {', '.join(lacking)}; see tests/slurm/loopback.py")
    cluster = Loopback(tmp_path_factory.mktemp("accounted"), accounting=True)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def place(template: Path, tmp_path: Path, accounted: Loopback) -> Place:
    place = Place(Path(copytree(template, tmp_path / "place")))
    return place.on(CODECSENSE_CLUSTER="slurm", SLURM_CONF=accounted.environment["SLURM_CONF"])


def job_of(place: Place) -> str:
    file = place.root / "data/scratch/jobs/first/whole.json"
    wait_until(lambda: file.is_file() and json.loads(file.read_text())["jobs"])
    return str(json.loads(file.read_text())["jobs"][0])


def test_a_job_that_the_controller_has_forgotten_is_remembered_by_the_accounts(
    place: Place, accounted: Loopback, monkeypatch: pytest.MonkeyPatch
):
    place.order("first", seconds=300)
    run = place.start(*REPRO)
    process = place.process_of("first")
    job = job_of(place)
    os.kill(process, signal.SIGKILL)
    said, _ = run.communicate(timeout=PATIENCE_S)
    assert "left no result: its process died" in said
    monkeypatch.setenv("SLURM_CONF", accounted.environment["SLURM_CONF"])
    wait_until(lambda: queue.remembered(job).state == "FAILED")
    assert "FAILED" in accounted.ask("sacct", "--noheader", "--allocations", f"--jobs={job}", "--format=State")


def test_the_whole_graph_runs_with_accounts_kept(place: Place):
    code, said = place.run("flows.pipeline")
    assert code == 0, said
    assert (place.root / "data/last").read_text() == "source\nleft\nsource\nright\n"


def test_the_loss_of_slurmdbd_in_the_middle_is_not_noticed(
    place: Place, accounted: Loopback, monkeypatch: pytest.MonkeyPatch
):
    place.order("first", seconds=8)
    run = place.start(*REPRO)
    place.process_of("first")
    job = job_of(place)
    accounted.end("slurmdbd", signal.SIGKILL)
    said, _ = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 0, said
    assert (place.root / "data/first").read_text() == "source\n"
    monkeypatch.setenv("SLURM_CONF", accounted.environment["SLURM_CONF"])
    assert queue.look(job).stand == Stand.ENDED
