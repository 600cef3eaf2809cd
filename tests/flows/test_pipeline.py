"""The graph run by the pipeline: side by side, past failures, and after a kill; DVC is the judge of what is done."""

import re
import signal

import psutil
import pytest
from toy_graph import PATIENCE_S, Place, wait_until

UP_TO_DATE = "Data and pipelines are up to date."
PIPELINE = "flows.pipeline"


def test_a_failing_branch_stops_what_depends_on_it_and_nothing_else(place: Place):
    place.order("side@left", error="no light")
    code, said = place.run(PIPELINE, "--max-parallel", "2")
    assert code == 1, said
    assert "side@left | error in side@left: no light" in said
    assert "side@left failed: no light" in said
    assert "not run, for they need what failed: last" in said
    assert place.made() == {"first", "right"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_run_after_a_failure_does_the_rest_and_one_more_does_nothing(place: Place):
    place.order("side@left", error="no light")
    assert place.run(PIPELINE)[0] == 1
    place.forget_orders()
    code, said = place.run(PIPELINE)
    assert code == 0, said
    assert "2 done, 2 unchanged" in said
    assert (place.root / "data/last").read_text() == "source\nleft\nsource\nright\n"
    assert place.run("dvc", "repro")[1].endswith(f"{UP_TO_DATE}\n")
    assert place.run(PIPELINE) == (0, f"{UP_TO_DATE}\n")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_independent_stages_overlap_and_all_land_in_the_lock(place: Place):
    place.order("side@left", seconds=6)
    place.order("side@right", seconds=6)
    code, said = place.run(PIPELINE, "--max-parallel", "2")
    assert code == 0, said
    events = [re.sub(r" \d+$", "", line) for line in place.journal()]
    assert set(events[2:4]) == {"starts side@left", "starts side@right"}
    assert place.run("dvc", "status")[1] == f"{UP_TO_DATE}\n"
    assert place.run("dvc", "repro")[1].endswith(f"{UP_TO_DATE}\n")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_stages_run_by_hand_at_once_land_in_the_lock(place: Place):
    assert place.run("dvc", "repro", "-s", "first")[0] == 0
    both = [place.start("dvc", "repro", "-s", f"side@{name}") for name in ("left", "right")]
    for process in both:
        said, _ = process.communicate()
        assert process.returncode == 0, said
    assert set(place.run("dvc", "status")[1].splitlines()[0].split()) >= {"last:"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_stage_at_a_time_where_that_is_asked(place: Place):
    assert place.run(PIPELINE, "--max-parallel", "1")[0] == 0
    events = [line.split()[0] for line in place.journal()]
    assert events == ["starts", "ends"] * 4


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_target_is_made_with_what_it_needs_and_no_more(place: Place):
    assert place.run(PIPELINE, "--target", "side@left")[0] == 0
    assert place.made() == {"first", "left"}
    code, said = place.run(PIPELINE, "--target", "no_such_stage")
    assert code == 1
    assert "no_such_stage" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_force_runs_what_is_up_to_date(place: Place):
    assert place.run(PIPELINE)[0] == 0
    ran = len(place.journal())
    assert place.run(PIPELINE, "--force", "--target", "side")[0] == 0
    assert len(place.journal()) == ran + 6


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_interrupted_run_ends_its_stages_and_the_next_one_completes_it(place: Place):
    place.order("side@left", seconds=300)
    pipeline = place.start(PIPELINE, "--max-parallel", "2")
    stage = place.process_of("side@left")
    pipeline.send_signal(signal.SIGINT)
    said, _ = pipeline.communicate(timeout=PATIENCE_S)
    assert pipeline.returncode == 130, said
    assert "interrupted" in said
    assert "interrupted side@left" in place.journal()
    assert not psutil.pid_exists(stage)
    completes(place)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_killed_run_takes_its_stages_along_and_the_next_one_completes_it(place: Place):
    place.order("side@left", seconds=300)
    pipeline = place.start(PIPELINE, "--max-parallel", "2")
    stage = place.process_of("side@left")
    pipeline.kill()
    pipeline.communicate()
    wait_until(lambda: not psutil.pid_exists(stage))
    completes(place)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_stage_whose_dvc_is_killed_has_failed_and_the_next_run_completes_it(place: Place):
    place.order("side@left", seconds=300)
    pipeline = place.start(PIPELINE, "--max-parallel", "2")
    stage = place.process_of("side@left")
    next(child for child in psutil.Process(pipeline.pid).children() if child.cmdline()[-1:] == ["side@left"]).kill()
    said, _ = pipeline.communicate(timeout=PATIENCE_S)
    assert pipeline.returncode == 1
    assert "side@left failed: killed by SIGKILL" in said
    wait_until(lambda: not psutil.pid_exists(stage))
    assert "right" in place.made()
    completes(place)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_second_run_in_the_same_folder_is_refused(place: Place):
    place.order("first", seconds=300)
    pipeline = place.start(PIPELINE)
    place.process_of("first")
    code, said = place.run(PIPELINE)
    assert code == 1
    assert f"process {pipeline.pid}" in said
    pipeline.send_signal(signal.SIGTERM)
    pipeline.communicate(timeout=PATIENCE_S)
    assert pipeline.returncode == 130


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_lock_file_cut_short_is_made_again_without_running_anything(place: Place):
    assert place.run(PIPELINE)[0] == 0
    lock = place.root / "dvc.lock"
    lock.write_text(lock.read_text()[:-50])
    ran = len(place.journal())
    code, said = place.run(PIPELINE)
    assert code == 0, said
    assert "restored from the cache" in said
    assert len(place.journal()) == ran
    assert place.run("dvc", "status")[1] == f"{UP_TO_DATE}\n"


def completes(place: Place) -> None:
    """Without a step by hand, and with DVC's agreement."""
    place.forget_orders()
    code, said = place.run(PIPELINE)
    assert code == 0, said
    assert place.made() == {"first", "left", "right", "last"}
    assert place.run("dvc", "repro")[1].endswith(f"{UP_TO_DATE}\n")
