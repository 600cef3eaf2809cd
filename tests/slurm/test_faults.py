"""What can go wrong with a job on a real Slurm, each fault made to happen; nothing finished is lost or done twice."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from slurm.loopback import Loopback
from toy_graph import PATIENCE_S, Place, wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1200)]

REPRO = ("dvc", "repro", "--single-item", "first")
SECRET = "s3cret-planted-in-the-environment"


def jobs(place: Place, stage: str = "first") -> list[str]:
    """The jobs that the launcher has noted for a stage, once there are any."""
    file = place.root / "data/scratch/jobs" / stage / "whole.json"
    wait_until(lambda: file.is_file() and json.loads(file.read_text())["jobs"])
    return list(json.loads(file.read_text())["jobs"])


def submitted(place: Place, stage: str = "first") -> int:
    """How many jobs were ever submitted for a stage."""
    return len(list((place.root / "data/scratch/jobs" / stage).glob("*_submission.sh")))


def ask_for(place: Place, **resources: object) -> None:
    """Change what every stage gets."""
    file = place.root / "cluster.yaml"
    values = yaml.safe_load(file.read_text())
    values["defaults"] |= resources
    file.write_text(yaml.safe_dump(values))


def completes(process: subprocess.Popen[str], place: Place) -> str:
    """The run ends well, and DVC has what it made."""
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert (place.root / "data/first").read_text() == "source\n"
    return said


def fails(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0, said
    assert "Traceback" not in said
    return said


def test_the_whole_graph_runs_as_jobs_and_comes_out_the_same(place: Place, slurm: Loopback):
    code, said = place.on(SECRET_TOKEN=SECRET).run("flows.pipeline")
    assert code == 0, said
    assert (place.root / "data/last").read_text() == "source\nleft\nsource\nright\n"
    assert place.run("flows.pipeline")[1] == "Data and pipelines are up to date.\n"
    folder = place.root / "data/scratch/jobs"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "first")] == [0o700, 0o700]
    everything = [path for place_ in (place.root, slurm.folder) for path in place_.rglob("*")]
    files = [path for path in everything if path.is_file() and not path.is_char_device()]
    assert len(files) > 50
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_job_whose_process_is_killed_has_failed_and_the_next_run_goes_on(place: Place):
    place.order("first", seconds=8)
    run = place.start(*REPRO)
    process = place.process_of("first")
    wait_until(lambda: (place.root / "data/scratch/ticks-first").is_file())
    os.kill(process, signal.SIGKILL)
    assert "left no result: its process died" in fails(run)
    completes(place.start(*REPRO), place)
    assert any(line.startswith("goes on at") for line in place.journal())


def test_a_cancelled_job_has_failed_and_says_so(place: Place, slurm: Loopback):
    place.order("first", seconds=300)
    run = place.start(*REPRO)
    place.process_of("first")
    slurm.ask("scancel", jobs(place)[0])
    assert "it was cancelled" in fails(run)


def test_a_job_at_its_time_limit_is_requeued_and_goes_on(place: Place):
    ask_for(place, hours=0.01, warning_s=10)  # Slurm looks every 30 s, and warns up to 30 s early
    place.order("first", seconds=70)
    completes(place.start(*REPRO), place)
    assert any(line.startswith("goes on at") for line in place.journal())
    assert submitted(place) == 1


def test_a_job_at_its_time_limit_too_often_has_failed_and_says_so(place: Place):
    ask_for(place, hours=0.01, warning_s=10, requeues=0)
    place.order("first", seconds=300)
    assert "timed-out too many times" in fails(place.start(*REPRO))


def test_a_preempted_job_is_requeued_and_goes_on(place: Place, slurm: Loopback):
    place.order("first", seconds=15)
    run = place.start(*REPRO)
    place.process_of("first")
    wait_until(lambda: (place.root / "data/scratch/ticks-first").is_file())
    slurm.ask("srun", "--partition=urgent", "--nodes=3", "--exclusive", "sleep", "1")
    completes(run, place)
    assert any(line.startswith("goes on at") for line in place.journal())
    assert submitted(place) == 1


def test_a_job_requeued_by_hand_goes_on(place: Place, slurm: Loopback):
    place.order("first", seconds=10)
    run = place.start(*REPRO)
    place.process_of("first")
    wait_until(lambda: (place.root / "data/scratch/ticks-first").is_file())
    slurm.ask("scontrol", "requeue", jobs(place)[0])
    completes(run, place)
    assert any(line.startswith("goes on at") for line in place.journal())
    assert submitted(place) == 1


def test_a_job_whose_node_dies_goes_on_elsewhere(place: Place, slurm: Loopback):
    place.order("first", seconds=15)
    run = place.start(*REPRO)
    place.process_of("first")
    wait_until(lambda: (place.root / "data/scratch/ticks-first").is_file())
    node = slurm.ask("squeue", "--noheader", f"--jobs={jobs(place)[0]}", "--format=%N").strip()
    slurm.kill_node(node)
    try:
        said = completes(run, place)
    finally:
        slurm.start_node(node)
        wait_until(lambda: slurm.idle_nodes() == 3)
    assert f"running ({node})" in said
    assert submitted(place) == 1


def test_a_job_outlives_a_restart_of_the_controller(place: Place, slurm: Loopback):
    place.order("first", seconds=10)
    run = place.start(*REPRO)
    place.process_of("first")
    slurm.end("slurmctld")
    slurm.start_controller()
    completes(run, place)
    assert submitted(place) == 1


def test_a_full_disk_stops_the_stage_with_its_reason(place: Place, full_disk: Path):
    place.order("first", seconds=300)
    (place.root / "data/scratch").mkdir(exist_ok=True)
    (place.root / "data/scratch/ticks-first.partial").symlink_to(full_disk / "ticks")
    said = fails(place.start(*REPRO))
    assert "No space left on device" in said
    assert "its own lines say why" not in said


def test_a_held_job_is_named_with_the_remedy(place: Place, slurm: Loopback):
    place.order("first", seconds=0)
    blocker = subprocess.Popen(["srun", "--nodes=3", "--exclusive", "sleep", "300"], env=slurm.environment)
    try:
        wait_until(lambda: slurm.idle_nodes() == 0)
        run = place.start(*REPRO)
        job = jobs(place)[0]
        slurm.ask("scontrol", "hold", job)
        heard = ""
        assert run.stdout is not None
        while "is held" not in heard:
            heard += run.stdout.readline()
        assert f"`scontrol release {job}`" in heard
        slurm.ask("scontrol", "release", job)
    finally:
        blocker.terminate()
        blocker.wait()
    completes(run, place)


def test_a_killed_submitter_is_replaced_and_its_job_found(place: Place):
    place.order("first", seconds=15)
    run = place.start(*REPRO)
    place.process_of("first")
    waiter = next(
        child for child in psutil.Process(run.pid).children(recursive=True) if "flows.stage" in child.cmdline()
    )
    waiter.kill()
    fails(run)
    said = completes(place.start(*REPRO), place)
    assert "submitted earlier for the same work" in said
    assert submitted(place) == 1
    assert [line.split()[0] for line in place.journal()] == ["starts", "ends"]


def test_what_a_job_made_while_nobody_waited_is_brought_in_and_not_made_twice(place: Place):
    place.order("first", seconds=5)
    run = place.start(*REPRO)
    place.process_of("first")
    for each in [run, *psutil.Process(run.pid).children(recursive=True)]:  # DVC first: bereft of its child it writes
        each.kill()
    run.communicate()
    wait_until(lambda: "ends first" in place.journal())
    said = completes(place.start(*REPRO), place)
    assert "submitted earlier for the same work" in said
    assert [line.split()[0] for line in place.journal()] == ["starts", "ends"]


def test_an_interrupted_run_leaves_its_job_and_says_how_to_end_it(place: Place, slurm: Loopback):
    place.order("first", seconds=12)
    run = place.start("flows.pipeline", "--target", "first")
    place.process_of("first")
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=PATIENCE_S)
    job = jobs(place)[0]
    assert run.returncode == 130
    assert f"`scancel {job}` ends it" in said
    assert "RUNNING" in slurm.ask("squeue", "--noheader", f"--jobs={job}", "--format=%T")
    completes(place.start(*REPRO), place)
    assert submitted(place) == 1


def test_an_interrupted_run_cancels_its_job_where_that_is_asked(place: Place, slurm: Loopback):
    place.order("first", seconds=300)
    run = place.on(CODECSENSE_ON_INTERRUPT="cancel").start("flows.pipeline", "--target", "first")
    place.process_of("first")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=PATIENCE_S)
    wait_until(lambda: "RUNNING" not in slurm.ask("squeue", "--noheader", "--me", "--format=%T"))
    place.forget_orders()
    completes(place.start(*REPRO), place)
    assert submitted(place) == 2


def test_a_job_that_works_on_old_values_is_cancelled(place: Place):
    place.order("first", seconds=300)
    run = place.start("flows.pipeline", "--target", "first")
    place.process_of("first")
    old = jobs(place)[0]
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=PATIENCE_S)
    (place.root / "source").write_text("source, changed\n")
    place.order("first", seconds=0)
    code, said = place.run(*REPRO)
    assert code == 0, said
    assert f"job {old} works on values or code of before; it is cancelled" in said
    assert (place.root / "data/first").read_text() == "source, changed\n"


def test_several_processes_of_a_job_find_each_other_through_the_variables_of_torch(place: Place):
    ask_for(place, nodes=2, processes=2, gpus=2)
    place.order("first", tell=["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT", "CUDA_VISIBLE_DEVICES"])
    assert place.run(*REPRO)[0] == 0
    told = [json.loads(line.removeprefix("told ")) for line in place.journal() if line.startswith("told ")]
    assert sorted(each["RANK"] for each in told) == ["0", "1", "2", "3"]
    assert {each["WORLD_SIZE"] for each in told} == {"4"}
    assert sorted(each["LOCAL_RANK"] for each in told) == ["0", "0", "1", "1"]
    assert len({each["MASTER_PORT"] for each in told}) == 1
    assert {each["CUDA_VISIBLE_DEVICES"] for each in told} == {"0,1"}


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system without room."""
    folder = tmp_path / "full"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)], check=True)
    (folder / "everything").write_bytes(bytes(4096))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
