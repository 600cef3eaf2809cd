"""What a Prefect server is told of runs, where PREFECT_API_URL names one; without it nothing here is even imported.

The server only watches. It is spoken to through its documented REST interface, never through Prefect's engine, so a
server that is down, or goes down in the middle, costs one printed line and no stage. Values whose name sounds like
a secret are not sent, and of the environment nothing is.

References:
    [1] Prefect REST API, https://docs.prefect.io/v3/api-ref/rest-api
"""

import base64
import io
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from flows.schedule import Outcome

PARENT = "CODECSENSE_PARENT_TASK_RUN"  # set by the pipeline for its stages
FLOW_RUN = "CODECSENSE_FLOW_RUN"  # set by a deployment for the pipeline: the run to report into
SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
PROGRESS = re.compile(r"^(?P<label>[^:]+): (?P<done>\d+)/(?P<total>\d+), ")
ANSWER_S = 15.0
BUSY = {429, 502, 503, 504}  # Prefect says 503 while its database is locked
WAITS_S = (0.5, 1.0, 2.0, 4.0)  # before a busy server is told again
SEND_EVERY_S = 2.0
LINES_AT_ONCE = 100
STATES = {
    Outcome.DONE: ("COMPLETED", "Completed"),
    Outcome.RESTORED: ("COMPLETED", "Cached"),
    Outcome.UNCHANGED: ("COMPLETED", "Skipped"),
    Outcome.FAILED: ("FAILED", "Failed"),
    Outcome.NOT_RUN: ("CANCELLED", "NotRun"),
}


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether there is a server to tell."""
    return bool(environment.get("PREFECT_API_URL"))


class Server:
    """A Prefect server; lost once, it is left alone for the rest of this process."""

    def __init__(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        import httpx

        headers = {}
        if key := environment.get("PREFECT_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        elif secret := environment.get("PREFECT_API_AUTH_STRING"):
            headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
        self.url, self.say, self.lost = environment["PREFECT_API_URL"].rstrip("/"), say, False
        self.client, self.error = httpx.Client(headers=headers, timeout=ANSWER_S), httpx.HTTPError

    def send(self, path: str, body: object, *, method: str = "POST") -> dict[str, Any]:
        """The server's answer, or nothing from a server that is lost."""
        if self.lost:
            return {}
        try:
            answer = self.client.request(method, f"{self.url}{path}", json=body)
            for wait_s in WAITS_S:
                if answer.status_code not in BUSY:
                    break
                time.sleep(wait_s)
                answer = self.client.request(method, f"{self.url}{path}", json=body)
            answer.raise_for_status()
        except self.error as error:
            self.lost = True
            why = f"{type(error).__name__} at {method} {path}"
            self.say(f"the Prefect server at {self.url} is not told of this run any more: {why}")
            return {}
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Hang up."""
        self.client.close()


class Run:
    """One flow run on a server."""

    def __init__(self, server: Server, identity: str) -> None:
        self.server, self.identity = server, identity
        self.lines: list[dict[str, object]] = []
        self.sent = time.monotonic()
        self.progress: dict[str, str] = {}

    @classmethod
    def begin(
        cls, server: Server, flow: str, name: str, *, tags: Sequence[str], parameters: object, parent: str | None = None
    ) -> "Run":
        """A new run of `flow`, under way from now on."""
        made = server.send("/flows/", {"name": flow})
        body = {"flow_id": made.get("id"), "name": name, "tags": list(tags), "parameters": without_secrets(parameters)}
        body |= {"state": {"type": "RUNNING", "name": "Running"}, "parent_task_run_id": parent}
        return cls(server, str(server.send("/flow_runs/", body).get("id", "")))

    def log(self, line: str, level: int = logging.INFO) -> None:
        """Add a line; they are sent together, every few seconds."""
        now = datetime.now(UTC).isoformat()
        entry = {"name": "codecsense", "level": level, "message": line, "timestamp": now, "flow_run_id": self.identity}
        self.lines.append(entry)
        if match := PROGRESS.match(line):
            self._progress(match["label"], 100 * int(match["done"]) / max(1, int(match["total"])))
        if len(self.lines) >= LINES_AT_ONCE or time.monotonic() - self.sent > SEND_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Send the lines that wait."""
        if self.lines:
            self.server.send("/logs/", self.lines)
        self.lines, self.sent = [], time.monotonic()

    def artifact(self, key: str, kind: str, data: object, description: str = "") -> str:
        """Show a `table`, `markdown` or `progress` beside the run; its id."""
        body = {"key": re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-"), "type": kind, "data": data}
        return str(
            self.server.send("/artifacts/", {**body, "description": description, "flow_run_id": self.identity}).get(
                "id", ""
            )
        )

    def task(self, name: str, outcome: Outcome | None = None, message: str = "", after: Sequence[str] = ()) -> str:
        """A part of the run, under way or already ended, drawn behind the parts `after`; its id."""
        kind, word = STATES[outcome] if outcome else ("RUNNING", "Running")
        state = {"type": kind, "name": word, "message": message}
        body = {"flow_run_id": self.identity, "task_key": name, "dynamic_key": name, "name": name, "state": state}
        body["task_inputs"] = {"reads": [{"input_type": "task_run", "id": each} for each in after]}
        return str(self.server.send("/task_runs/", body).get("id", ""))

    def end_task(self, identity: str, outcome: Outcome, message: str) -> None:
        """Say how a part ended."""
        kind, word = STATES[outcome]
        state = {"type": kind, "name": word, "message": message}
        self.server.send(f"/task_runs/{identity}/set_state", {"state": state, "force": True})

    def tag(self, tags: Sequence[str]) -> None:
        """Replace the run's tags."""
        self.server.send(f"/flow_runs/{self.identity}", {"tags": list(tags)}, method="PATCH")

    def end(self, kind: str, message: str = "") -> None:
        """Say how the run ended: COMPLETED, FAILED or CANCELLED."""
        self.flush()
        state = {"type": kind, "name": kind.capitalize(), "message": message}
        self.server.send(f"/flow_runs/{self.identity}/set_state", {"state": state, "force": True})
        self.server.close()

    def _progress(self, label: str, percent: float) -> None:
        if known := self.progress.get(label):
            self.server.send(f"/artifacts/{known}", {"data": percent}, method="PATCH")
        else:
            self.progress[label] = self.artifact(f"progress-{label}", "progress", percent, label)


class PipelineRun:
    """A watcher of the pipeline: its flow run, a task for each stage, with the stage's own run below it."""

    def __init__(
        self, before: Mapping[str, set[str]], parameters: Mapping[str, object], environment: Mapping[str, str]
    ) -> None:
        server = Server(environment, lambda line: print(f"== {line}", flush=True))
        if known := environment.get(FLOW_RUN):
            self.run = Run(server, known)
        else:
            name = f"{len(before)} stages, {datetime.now(UTC):%Y-%m-%d %H:%M}"
            place = environment.get("CODECSENSE_CLUSTER", "inline")
            self.run = Run.begin(server, "pipeline", name, tags=[f"cluster:{place}"], parameters=parameters)
        self.owned, self.before = not known, before
        self.tasks: dict[str, str] = {}
        self.bad: dict[str, Outcome] = {}

    def environment(self, name: str) -> dict[str, str]:
        """What the process of a stage is told, so that its run is shown below this one."""
        self.tasks[name] = self._task(name)
        return {PARENT: self.tasks[name]} if self.tasks[name] else {}

    def started(self, name: str) -> None:
        """Known from `environment`."""

    def said(self, name: str, line: str) -> None:
        """The stage's own run has its lines."""

    def ended(self, name: str, outcome: Outcome, seconds: float, reason: str = "") -> None:
        """Show how the stage ended."""
        message = reason or (f"{outcome}, {seconds:.1f} s" if seconds else str(outcome))
        if outcome == Outcome.NOT_RUN:
            message = f"not run, for it needs {', '.join(sorted(self.before[name] & set(self.bad)))}"
        if name in self.tasks:
            self.run.end_task(self.tasks[name], outcome, message)
        else:
            self.tasks[name] = self._task(name, outcome, message)
        if outcome in (Outcome.FAILED, Outcome.NOT_RUN):
            self.bad[name] = outcome
        level = {Outcome.FAILED: logging.ERROR, Outcome.NOT_RUN: logging.WARNING}.get(outcome, logging.INFO)
        self.run.log(f"{name}: {message}", level)

    def closed(self, *, interrupted: bool = False) -> None:
        """Show how the whole ended; a deployment's run is ended by its own flow."""
        self.run.flush()
        if self.owned:
            kind = "CANCELLED" if interrupted else "FAILED" if self.bad else "COMPLETED"
            self.run.end(kind, "; ".join(f"{name} {outcome}" for name, outcome in self.bad.items()))

    def _task(self, name: str, outcome: Outcome | None = None, message: str = "") -> str:
        above = [self.tasks[other] for other in sorted(self.before[name]) if self.tasks.get(other)]
        return self.run.task(name, outcome, message, above)


class StageRun:
    """A stage's flow run, or where no server is to be told, nothing at all."""

    def __init__(self, run: Run | None, name: str = "", tags: Sequence[str] = ()) -> None:
        self.run, self.name, self.tags = run, name, list(tags)
        self.logs: dict[str, Path] = {}

    def jobs(self, logs: Mapping[str, Path]) -> None:
        """Note the Slurm jobs that do the stage's work, and where each keeps what it prints."""
        if self.run:
            self.logs |= logs
            self.run.tag([*self.tags, *(f"job:{job}" for job in self.logs)])
            lines = [f"- job {job}: [{file}]({file.absolute().as_uri()})" for job, file in self.logs.items()]
            self.run.artifact(f"logs-{self.name}", "markdown", "\n".join(lines), "what its jobs print")


@contextmanager
def stage_run(name: str, arguments: Mapping[str, object], environment: Mapping[str, str]) -> Iterator[StageRun]:
    """Show the stage inside as a flow run: its lines, progress, metrics and pages, and why it failed if it does."""
    if not wanted(environment):
        yield StageRun(None)
        return
    stage, _, variant = name.partition("@")
    tags = [f"stage:{stage}", *([f"run:{variant}"] if variant else [])]
    tags.append(f"cluster:{environment.get('CODECSENSE_CLUSTER') or 'inline'}")
    server = Server(environment, lambda line: print(f"{name}: {line}", file=sys.stderr, flush=True))
    parent = environment.get(PARENT)
    run = Run.begin(server, stage, name, tags=tags, parameters=plain(arguments), parent=parent)
    try:
        with redirect_stdout(Tee(sys.stdout, run.log)):
            yield StageRun(run, name, tags)
    except KeyboardInterrupt:
        run.end("CANCELLED", "interrupted")
        raise
    except BaseException as error:
        run.log(f"error in {name}: {error}", logging.ERROR)
        run.end("FAILED", str(error) or type(error).__name__)
        raise
    show_results(run, name, [path for path in arguments.values() if isinstance(path, Path)])
    run.end("COMPLETED")


class Tee(io.TextIOBase):
    """Writes on, and tells each whole line to a listener."""

    def __init__(self, out: TextIO, heard: Callable[[str], None]) -> None:
        self.out, self.heard, self.rest = out, heard, ""

    def write(self, text: str) -> int:
        """Write on, as any stream."""
        self.out.write(text)
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            if line.strip():
                self.heard(line)
        return len(text)

    def flush(self) -> None:
        """Flush on."""
        self.out.flush()

    def isatty(self) -> bool:
        """Lines are heard, bars are not."""
        return False


def show_results(run: Run, name: str, paths: Sequence[Path]) -> None:
    """The metrics that a stage left, as a table, and its pages, as text and with the way to them."""
    for path in paths:
        for file in [path / "metrics.json", path / "report.md"]:
            if not file.is_file():
                continue
            if file.suffix == ".json":
                rows = [{"metric": key, "value": value} for key, value in flat(json.loads(file.read_text())).items()]
                run.artifact(f"metrics-{name}", "table", json.dumps(rows), str(file))
            else:
                text = f"All of it, with pictures: `{(path / 'index.html').absolute()}`\n\n{file.read_text()}"
                run.artifact(f"report-{name}", "markdown", text, str(file))


def flat(values: Mapping[str, object], above: str = "") -> dict[str, object]:
    """Nested values by dotted keys."""
    found: dict[str, object] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def plain(arguments: Mapping[str, object]) -> dict[str, object]:
    """A stage's arguments as plain values."""
    return {
        name: value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
        for name, value in arguments.items()
    }


def without_secrets(values: object) -> object:
    """The same with every value hidden whose name sounds like a secret."""
    if isinstance(values, Mapping):
        return {
            key: "(hidden)" if SECRET.search(str(key)) and isinstance(each, str) else without_secrets(each)
            for key, each in values.items()
        }
    if isinstance(values, list | tuple):
        return [without_secrets(each) for each in values]
    return values
