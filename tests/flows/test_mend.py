"""What killed runs leave in .dvc and how it is put right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from flows import mend


def entry(pid: int, command: str) -> dict[str, object]:
    return {"pid": pid, "cmd": command}


def in_use(root: Path, held: dict[str, object]) -> Path:
    file = root / ".dvc" / "tmp" / "rwlock"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(held))
    return file


def command() -> str:
    """As DVC notes this process: the path of its program, then its arguments."""
    return " ".join(["program", *psutil.Process().cmdline()[1:]])


def test_paths_of_a_process_that_is_gone_are_freed_and_those_in_use_are_kept(tmp_path: Path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = entry(os.getpid(), command())
    file = in_use(tmp_path, {"write": {"/a": entry(gone.pid, "x repro"), "/b": mine}, "read": {"/c": [mine]}})
    said: list[str] = []
    mend.free_paths(tmp_path, said.append)
    assert json.loads(file.read_text()) == {"write": {"/b": mine}, "read": {"/c": [mine]}}
    assert len(said) == 1


def test_paths_of_a_process_whose_number_was_given_to_another_are_freed(tmp_path: Path):
    file = in_use(tmp_path, {"write": {}, "read": {"/c": [entry(os.getpid(), "dvc repro --single-item sft@full")]}})
    mend.free_paths(tmp_path, lambda line: None)
    assert json.loads(file.read_text()) == {"write": {}, "read": {}}


def test_a_list_cut_short_starts_anew(tmp_path: Path):
    file = in_use(tmp_path, {})
    file.write_text('{"write": {"/a": {"pi')
    mend.free_paths(tmp_path, lambda line: None)
    assert not file.exists()


def test_a_lock_that_is_whole_stays(tmp_path: Path):
    lock = tmp_path / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages:\n  world:\n    cmd: python -m flows.stage world\n")
    mend.set_aside_broken_lock(tmp_path, lambda line: None)
    assert lock.is_file()
    lock.write_text(lock.read_text()[:-40])
    mend.set_aside_broken_lock(tmp_path, lambda line: None)
    assert not lock.exists()


def test_by_hand_it_mends_the_folder_one_stands_in(tmp_path: Path):
    file = in_use(tmp_path, {})
    file.write_text("")
    home = {**os.environ, "PYTHONPATH": str(Path(mend.__file__).parents[1])}
    said = subprocess.run([sys.executable, "-m", "flows.mend"], cwd=tmp_path, env=home, capture_output=True, text=True)
    assert (said.returncode, file.exists()) == (0, False), said.stderr
    assert "cut short by a killed run" in said.stdout
