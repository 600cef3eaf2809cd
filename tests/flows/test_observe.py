"""What a Prefect server would be told, and what it costs when there is none; test_prefect.py has a real one."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows import observe

NOBODY = "http://127.0.0.1:9/api"


def test_without_a_server_nothing_of_prefect_is_imported():
    watched = "{'prefect', 'httpx', 'submitit', 'dvc'} & set(sys.modules)"
    code = f"import sys, flows.pipeline, flows.stage; print(sorted({watched}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_server_that_does_not_answer_costs_one_line_and_no_stage(capsys: pytest.CaptureFixture[str]):
    with observe.stage_run("sft@full", {}, {"PREFECT_API_URL": NOBODY}) as seen:
        print("at work")
        seen.jobs({"12": Path("12_0_log.out")})
    said = capsys.readouterr()
    assert said.out == "at work\n"
    assert said.err.count("is not told of this run any more") == 1


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """A server that answers its first requests with these statuses and all others with 200: address, and what came."""
    left, came = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            came.append(self.path)
            self.send_response(left.pop(0) if left else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api", came
        server.shutdown()


@pytest.mark.parametrize(("statuses", "requests", "lost"), [((503, 429), 3, False), ((422, 200), 1, True)])
def test_a_server_that_is_busy_is_told_again_and_one_that_refuses_is_not(
    statuses: tuple[int, ...], requests: int, lost: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(observe, "WAITS_S", (0.0, 0.0, 0.0))
    with answering(*statuses) as (url, came):
        server = observe.Server({"PREFECT_API_URL": url}, lambda line: None)
        server.send("/flows/", {"name": "x"})
        server.close()
    assert came == ["/api/flows/"] * requests
    assert server.lost == lost


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
