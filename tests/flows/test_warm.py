"""A stage run by the warm process: nothing tells it from one with a process of its own, whatever is done to either."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from toy_graph import Place, wait_until

from flows import warm

FIRST = ("flows.stage", "first", "--source", "source", "--target", "data/first")


@pytest.fixture
def warmed(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(place.root)
    monkeypatch.setenv("PYTHONPATH", place.environment["PYTHONPATH"])
    with warm.kept(wanted=True) as said:
        yield place.on(DVC_STAGE="first", **said)


def keeper_of(stage: int) -> psutil.Process:
    keeper = psutil.Process(stage).parent()
    assert keeper is not None
    return keeper


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_the_stage_runs_in_another_process_and_all_else_is_as_ever(warmed: Place):
    warmed.on(HELLO="there").order("first", tell=["HELLO", "CODECSENSE_WARM"])
    process = warmed.start(*FIRST)
    code, said = ended(process)
    assert code == 0, said
    assert said.startswith("first: starts\nfirst: done in ")
    assert warmed.process_of("first") != process.pid
    assert 'told {"HELLO": "there", "CODECSENSE_WARM": null}' in warmed.journal()
    assert (warmed.root / "data/first").read_text() == "source\n"
    warmed.order("first", error="no light")
    assert warmed.run(*FIRST)[0] == 1
    assert "error in first: no light" in warmed.run(*FIRST)[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_the_stand_in_interrupts_the_stage(warmed: Place, number: signal.Signals):
    warmed.order("first", seconds=60)
    process = warmed.start(*FIRST)
    warmed.process_of("first")
    process.send_signal(number)
    code, said = ended(process)
    assert code == 130, said
    assert "interrupted; the next run resumes" in said
    assert "interrupted first" in warmed.journal()


def test_a_stage_that_is_killed_ends_its_stand_in_in_the_same_way(warmed: Place):
    warmed.order("first", seconds=60)
    process = warmed.start(*FIRST)
    os.kill(warmed.process_of("first"), signal.SIGKILL)
    assert ended(process)[0] == -signal.SIGKILL


def test_a_stand_in_that_is_killed_ends_its_stage(warmed: Place):
    warmed.order("first", seconds=60)
    process = warmed.start(*FIRST)
    stage = warmed.process_of("first")
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    wait_until(lambda: not psutil.pid_exists(stage))


def test_without_the_warm_process_its_stages_end_and_later_ones_start_anew(warmed: Place):
    warmed.order("first", seconds=60)
    process = warmed.start(*FIRST)
    stage = warmed.process_of("first")
    server = keeper_of(stage).parent()
    assert server is not None
    server.kill()
    code, said = ended(process)
    assert code == 1
    assert "the warm process was ended" in said
    wait_until(lambda: not psutil.pid_exists(stage))
    warmed.forget_orders()
    code, said = warmed.run(*FIRST)
    assert code == 0
    assert "no warm process answers" in said


def test_code_that_was_edited_since_is_imported_anew(warmed: Place):
    assert warmed.run(*FIRST)[0] == 0
    file = warmed.root / "stages" / "first.py"
    file.write_text(file.read_text().replace("join([source], target)", "join([source, source], target)"))
    process = warmed.start(*FIRST)
    assert ended(process)[0] == 0
    assert (warmed.root / "data/first").read_text() == "source\nsource\n"
    assert warmed.process_of("first") == process.pid


def test_other_threads_are_given_to_a_process_of_its_own(warmed: Place):
    assert warmed.run(*FIRST)[0] == 0
    file = warmed.root / "params.yaml"
    file.write_text(file.read_text().replace("threads: 1", "threads: 2"))
    process = warmed.start(*FIRST)
    assert ended(process)[0] == 0
    assert warmed.process_of("first") == process.pid


def test_none_is_kept_where_none_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with warm.kept(wanted=False) as said:
        assert said == {}
