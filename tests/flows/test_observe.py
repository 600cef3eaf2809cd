"""What a Prefect server would be told, and what it costs when there is none; test_prefect.py has a real one."""

import subprocess
import sys

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
