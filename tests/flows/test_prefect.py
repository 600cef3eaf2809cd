"""A real Prefect server: what it is told and shows, what can be started from it, and what is lost with it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import headless
import pytest
from loopback_prefect import Server
from tiny_place import Tiny
from toy_graph import PATIENCE_S, Place, wait_until

from codecsense.schemas import think_summaries
from codecsense.think import review
from codecsense.think.prompts import Line
from codecsense.think.review import Item
from codecsense.think.store import ReplyStore
from flows import observe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SECRET = "s3cret-planted-in-the-environment"
PIPELINE = "flows.pipeline"
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    try:
        yield server.start()
    finally:
        server.end()


def ended(server: Server, name: str) -> dict[str, Any]:
    """The run of this name, once it has ended."""
    wait_until(lambda: any(run["state"]["type"] in ENDED for run in server.all("flow_runs") if run["name"] == name))
    return next(run for run in server.all("flow_runs") if run["name"] == name)


def below(server: Server, run: str) -> list[dict[str, Any]]:
    """The runs of the stages of this run."""
    tasks = {task["id"] for task in server.all("task_runs") if task["flow_run_id"] == run}
    return [each for each in server.all("flow_runs") if each["parent_task_run_id"] in tasks]


def files_with(secret: str, *folders: Path) -> list[Path]:
    """The files under `folders` that hold `secret`."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    return [path for path in files if secret.encode() in path.read_bytes()]


def test_a_run_of_the_graph_is_shown_with_its_stages_below_it(place: Place, server: Server):
    place.order("side@left", error="no light")
    code, said = place.on(PREFECT_API_URL=server.url, SECRET_TOKEN=SECRET).run(PIPELINE)
    assert code == 1, said
    assert "is not told" not in said
    whole = server.run_named("4 stages")
    assert whole["state"]["type"] == "FAILED"
    assert "side@left failed" in whole["state"]["message"]
    runs = {run["name"]: run for run in server.all("flow_runs")}
    tasks = {task["name"]: task for task in server.all("task_runs")}
    assert {name: task["state"]["name"] for name, task in tasks.items()} == {
        "first": "Completed",
        "side@left": "Failed",
        "side@right": "Completed",
        "last": "NotRun",
    }
    assert tasks["side@left"]["state"]["message"] == "no light"
    assert tasks["last"]["state"]["message"] == "not run, for it needs side@left"
    assert [each["id"] for each in tasks["last"]["task_inputs"]["reads"]] == [
        tasks["side@left"]["id"],
        tasks["side@right"]["id"],
    ]
    assert runs["side@left"]["parent_task_run_id"] == tasks["side@left"]["id"]
    assert runs["side@left"]["state"]["message"] == "no light"
    assert set(runs["side@right"]["tags"]) == {"stage:side", "run:right", "cluster:inline"}
    assert runs["side@right"]["parameters"]["extra"] == "right"
    logs = server.all("logs")
    assert any(log["flow_run_id"] == runs["first"]["id"] and "first: done in" in log["message"] for log in logs)
    place.forget_orders()
    assert place.run(PIPELINE)[0] == 0
    again = max((run for run in server.all("flow_runs") if run["name"].startswith("4 stages")), key=started)
    states = {
        task["name"]: task["state"]["name"] for task in server.all("task_runs") if task["flow_run_id"] == again["id"]
    }
    assert states == {"first": "Skipped", "side@right": "Skipped", "side@left": "Completed", "last": "Completed"}
    assert not files_with(SECRET, server.folder, place.root)


def started(run: dict[str, Any]) -> str:
    return str(run["start_time"])


def test_metrics_are_a_table_pages_are_text_and_progress_is_a_bar(server: Server, tmp_path: Path):
    (tmp_path / "metrics.json").write_text(json.dumps({"accuracy": {"full": 0.5}}))
    (tmp_path / "report.md").write_text("| run | hidden |")
    with observe.stage_run("report", {"output": tmp_path}, {"PREFECT_API_URL": server.url}):
        print("videos: 5/10, 3 s, about 3 s left")
    artifacts = {artifact["key"]: artifact for artifact in server.all("artifacts")}
    assert json.loads(artifacts["metrics-report"]["data"]) == [{"metric": "accuracy.full", "value": 0.5}]
    assert artifacts["progress-videos"]["data"] == 50.0
    assert str(tmp_path / "index.html") in artifacts["report-report"]["data"]


@pytest.mark.skipif(headless.program() is None, reason="no browser is installed: `apt-get install chromium`")
def test_the_pages_of_a_run_name_its_stages_and_the_reason_of_a_failure(place: Place, server: Server, tmp_path: Path):
    place.order("side@left", error="no light at all")
    assert place.on(PREFECT_API_URL=server.url).run(PIPELINE)[0] == 1
    run = max((run for run in server.all("flow_runs") if run["name"].startswith("4 stages")), key=started)
    with headless.page(tmp_path / "browser") as page:
        page.open(server.page(f"/v2/runs/flow-run/{run['id']}"), "side@left: no light at all", "first: done")
        page.press("Task Runs")
        page.read("last", "NotRun")
        page.press("Subflow Runs")
        page.read("side@left", "side@right", "Completed")


def test_a_member_starts_a_run_from_the_server_with_a_target_and_a_place(place: Place, server: Server):
    serving = place.on(PREFECT_API_URL=server.url).start("flows.serve")
    try:
        wait_until(lambda: bool(server.all("deployments")))
        (deployment,) = server.all("deployments")
        assert deployment["parameter_openapi_schema"]["properties"]["place"]["enum"] == ["inline", "local", "slurm"]
        values = {"target": ["side@left"], "place": "local"}
        made = server.ask(
            f"/deployments/{deployment['id']}/create_flow_run", {"name": "from the server", "parameters": values}
        )
        run = ended(server, "from the server")
        assert run["state"]["type"] == "COMPLETED", run["state"]
        tasks = [task for task in server.all("task_runs") if task["flow_run_id"] == made["id"]]
        assert {task["name"]: task["state"]["name"] for task in tasks} == {
            "first": "Completed",
            "side@left": "Completed",
        }
        assert place.made() == {"first", "left"}
        assert {"cluster:local" in each["tags"] for each in below(server, made["id"])} == {True}
        place.order("side@right", error="no light")
        server.ask(
            f"/deployments/{deployment['id']}/create_flow_run", {"name": "that fails", "parameters": {"place": "local"}}
        )
        failed = ended(server, "that fails")
        assert failed["state"]["type"] == "FAILED"
        assert "side@right failed: no light" in failed["state"]["message"]
        (stage,) = [each for each in below(server, failed["id"]) if "side@right" in each["name"]]
        assert stage["state"]["message"] == "no light"
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=PATIENCE_S)


def test_a_profile_runs_in_a_clone_and_leaves_the_results_as_they_are(place: Place, server: Server):
    (place.root / "profiles").mkdir()
    (place.root / "profiles/other_seed.yaml").write_text("seed: 7\n")
    (place.root / ".gitignore").write_text("__pycache__/\n/journal\n/orders\n")
    author = {f"GIT_{role}_{what}": "ada@lab" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["add", "--all"], ["commit", "--quiet", "--message", "start"]):
        subprocess.run(["git", *command], cwd=place.root, env={**place.environment, **author}, check=True)
    code = "from flows import serve; serve.run_graph(target=['first'], profile={!r})"
    environment = {**place.environment, "PREFECT_API_URL": server.url}
    for name, ends_well in (("other_seed", True), ("../../etc", False)):
        done = subprocess.run(
            [sys.executable, "-c", code.format(name)], cwd=place.root, env=environment, capture_output=True, text=True
        )
        assert (done.returncode == 0) == ends_well, done.stderr
    assert "there is no profile `../../etc`; there are: other_seed" in done.stderr
    (clone,) = (place.root / "data/scratch/profiles").iterdir()
    assert (clone / "data/first").read_text() == "source\n"
    assert "seed: 7" in (clone / "params.yaml").read_text()
    assert "seed: 0" in (place.root / "params.yaml").read_text()
    assert place.made() == set()


def item(name: str) -> Item:
    line = Line(start_s=0.0, end_s=1.0, text=f"{name} moves")
    return Item(
        item_id=name,
        video_id=name,
        video=f"{name}.mp4",
        modality="visual",
        lines=(line,),
        transcript="",
        judge_reason="",
    )


def test_a_review_pauses_on_a_typed_form_until_a_person_has_answered(server: Server, tmp_path: Path):
    review.open_batch(tmp_path, "batch_00000_round_0", [item("one"), item("two")])
    command = [sys.executable, "-m", "flows.review", "--form", "--reviews", str(tmp_path), "--reviewer", "ada"]
    environment = {**os.environ, "PREFECT_API_URL": server.url}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as asking:
        run = paused(server)
        page = next(artifact for artifact in server.all("artifacts") if artifact["flow_run_id"] == run["id"])
        assert "two moves" in page["data"]
        if headless.program():
            with headless.page(tmp_path / "browser") as browser:
                browser.open(server.page(f"/v2/runs/flow-run/{run['id']}"), "Paused")
                browser.press("Open menu")
                browser.press("Resume")
                browser.read("say which of its 2 items are wrong", "one line per wrong item")
                if folder := os.environ.get("CODECSENSE_PICTURES"):
                    browser.picture(Path(folder) / "review.png")
        for mistake in ({"reviewer": "", "rejected": ""}, {"reviewer": "grace", "rejected": "7: too dark"}):
            answer(server, run, mistake)
            run = paused(server, then=run["state"]["id"])
        answer(server, run, {"reviewer": "grace", "rejected": "2: too dark"})
        said, _ = asking.communicate(timeout=PATIENCE_S)
        assert asking.returncode == 0, said
    found = review.verdicts(tmp_path)
    assert {name: (each.accept, each.remark, each.reviewer) for name, each in found.items()} == {
        "one": (True, "", "grace"),
        "two": (False, "too dark", "grace"),
    }


TINY_THINK = {
    "think.videos": 6,
    "think.batch": 6,
    "think.reviewer": {"name": "people"},
    "think.reasoning.categories": {"kind": "general"},  # so few videos have not enough questions for a balance
    "think.reasoning.shares": {"general": 1.0},
}


def test_what_people_say_on_the_form_reaches_the_teachers_of_the_micro_world(server: Server, tmp_path: Path):
    tiny = Tiny(tmp_path / "tiny", changes=TINY_THINK)
    repro = ("dvc", "repro", "think")
    looks, told = 0, tiny.place.run(*repro)
    while told[0]:
        assert "have no verdict yet" in told[1], told[1]
        asking = (
            Place(tiny.root)
            .on(**tiny.place.environment, PREFECT_API_URL=server.url)
            .start("flows.review", "--form", "--reviewer", "ada")
        )
        answer(server, paused(server), {"reviewer": "grace", "rejected": "1: name every colour first"})
        said, _ = asking.communicate(timeout=PATIENCE_S)
        assert asking.returncode == 0, said
        looks, told = looks + 1, tiny.place.run(*repro)
        assert looks < 9
    summaries = think_summaries.read(tiny.root / "data/think/summaries.parquet")
    assert (summaries["remark"] == "name every colour first").sum() == looks >= 1
    assert summaries.filter(summaries["remark"] != "")["accepted"].any() is False
    with ReplyStore(tiny.root / "data/replies") as store:
        asked = [json.loads(row[0]) for row in store.database.execute("select asked from replies")]
    again = [each for each in asked if each["step"] == "summarise" and each["teacher"]["model"] == "large"]
    assert again
    assert all("- name every colour first" in each["system"] for each in again)
    assert tiny.place.run("dvc", "repro", "think")[1].endswith("Data and pipelines are up to date.\n")


def paused(server: Server, then: str = "") -> dict[str, Any]:
    """The run that waits for a person, in another state than `then`."""

    def waiting() -> list[dict[str, Any]]:
        return [
            run for run in server.all("flow_runs") if run["state"]["type"] == "PAUSED" and run["state"]["id"] != then
        ]

    wait_until(lambda: bool(waiting()))
    return waiting()[0]


def answer(server: Server, run: dict[str, Any], said: dict[str, str]) -> None:
    assert server.ask(f"/flow_runs/{run['id']}/resume", {"run_input": said})["status"] == "ACCEPT"


def test_a_server_that_is_not_there_costs_a_line_and_no_stage(place: Place):
    code, said = place.on(PREFECT_API_URL="http://127.0.0.1:9/api").run(PIPELINE)
    assert code == 0, said
    assert "== the Prefect server at http://127.0.0.1:9/api is not told of this run any more: ConnectError" in said
    assert place.made() == {"first", "left", "right", "last"}
    assert len(place.journal()) == 8


def test_a_server_asks_for_its_password_and_its_loss_in_the_middle_costs_no_stage(place: Place, tmp_path: Path):
    server = Server(tmp_path / "server", auth="lab:s3cret-of-the-lab").start()
    try:
        stranger = Server(tmp_path / "stranger")
        stranger.url = server.url
        with pytest.raises(urllib.error.HTTPError, match="401"):
            stranger.ask("/flow_runs/filter", {})
        place.order("first", seconds=6)
        run = place.on(PREFECT_API_URL=server.url, PREFECT_API_AUTH_STRING=server.auth).start(PIPELINE)
        place.process_of("first")
        wait_until(lambda: {"first"} <= {each["name"] for each in server.all("flow_runs")})
        server.end(signal.SIGKILL)
        said, _ = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 0, said
        assert said.count("== the Prefect server at") == 1
        assert len([line for line in place.journal() if line.startswith("ends")]) == 4
        server.start()
        assert server.run_named("first")["state"]["type"] == "RUNNING"
        assert not files_with("s3cret-of-the-lab", place.root)
    finally:
        server.end()
