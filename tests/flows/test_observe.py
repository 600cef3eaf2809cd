"""What a Prefect server is told; with a server that is not there, and (slow) with a real one."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slurm.loopback import free_ports
from toy_graph import Place

from flows import observe

NOBODY = "http://127.0.0.1:9/api"
SECRET = "s3cret-planted-in-the-environment"


def test_without_a_server_nothing_of_prefect_is_imported():
    watched = "{'prefect', 'httpx', 'submitit', 'dvc'} & set(sys.modules)"
    code = f"import sys, flows.pipeline, flows.stage; print(sorted({watched}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_that_does_not_answer_costs_one_line_and_no_stage(capsys: pytest.CaptureFixture[str]):
    with observe.stage_run("sft@full", {}, {"PREFECT_API_URL": NOBODY}) as seen:
        print("at work")
        seen.jobs(["12"])
    said = capsys.readouterr()
    assert said.out == "at work\n"
    assert said.err.count("is not told of this run any more") == 1


def test_an_error_of_the_stage_passes_through(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(ValueError, match="no light"), observe.stage_run("sft@full", {}, {"PREFECT_API_URL": NOBODY}):
        raise ValueError("no light")


def test_values_that_sound_like_secrets_are_hidden():
    values = {"teacher": {"api_key": "abc", "name": "x", "summary_tokens": 20}, "list": [{"password": "abc"}]}
    assert observe.without_secrets(values) == {
        "teacher": {"api_key": "(hidden)", "name": "x", "summary_tokens": 20},
        "list": [{"password": "(hidden)"}],
    }


def test_whole_lines_are_heard_and_everything_is_written(capsys: pytest.CaptureFixture[str]):
    heard: list[str] = []
    tee = observe.Tee(sys.stdout, heard.append)
    for piece in ("one\ntw", "o\n", "\n", "three"):
        tee.write(piece)
    assert heard == ["one", "two"]
    assert capsys.readouterr().out == "one\ntwo\n\nthree"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prefect server on loopback, its data in a folder of its own."""
    port = free_ports(1)[0]
    home = tmp_path_factory.mktemp("prefect")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment.pop("PREFECT_API_URL", None)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/api"
    try:
        limit = time.monotonic() + 240
        while not healthy(url):
            assert time.monotonic() < limit, (home / "log").read_text()
            assert process.poll() is None, (home / "log").read_text()
            time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
    except OSError:
        return False


def ask(url: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_of_the_graph_is_shown_with_its_stages_below_it(place: Place, server: str):
    place.order("side@left", error="no light")
    code, said = place.on(PREFECT_API_URL=server, SECRET_TOKEN=SECRET).run("flows.pipeline")
    assert code == 1, said
    assert "is not told" not in said
    runs = {run["name"]: run for run in ask(server, "/flow_runs/filter", {})}
    (whole,) = [run for name, run in runs.items() if name.startswith("4 stages")]
    assert whole["state"]["type"] == "FAILED"
    assert "side@left failed" in whole["state"]["message"]
    tasks = {task["name"]: task for task in ask(server, "/task_runs/filter", {})}
    assert {name: task["state"]["name"] for name, task in tasks.items()} == {
        "first": "Completed",
        "side@left": "Failed",
        "side@right": "Completed",
        "last": "NotRun",
    }
    assert tasks["side@left"]["state"]["message"] == "no light"
    assert runs["side@left"]["parent_task_run_id"] == tasks["side@left"]["id"]
    assert runs["side@left"]["state"]["message"] == "no light"
    assert set(runs["side@right"]["tags"]) == {"stage:side", "run:right", "cluster:inline"}
    logs = ask(server, "/logs/filter", {})
    assert any(log["flow_run_id"] == runs["first"]["id"] and "first: done in" in log["message"] for log in logs)
    assert SECRET not in json.dumps([runs, tasks, logs])
    place.forget_orders()
    assert place.run("flows.pipeline")[0] == 0
    latest = [task["state"]["name"] for task in ask(server, "/task_runs/filter", {"sort": "EXPECTED_START_TIME_DESC"})]
    assert latest.count("Skipped") == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_metrics_are_a_table_and_progress_is_a_bar(server: str, tmp_path: Path):
    (tmp_path / "metrics.json").write_text(json.dumps({"accuracy": {"full": 0.5}}))
    with observe.stage_run("report", {"output": tmp_path}, {"PREFECT_API_URL": server}):
        print("videos: 5/10, 3 s, about 3 s left")
    artifacts = {artifact["key"]: artifact for artifact in ask(server, "/artifacts/filter", {})}
    assert json.loads(artifacts["metrics-report"]["data"]) == [{"metric": "accuracy.full", "value": 0.5}]
    assert artifacts["progress-videos"]["data"] == 50.0
