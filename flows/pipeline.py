"""`python -m flows.pipeline [--target STAGE ...] [--force] [--max-parallel N]`: the graph, branches side by side.

DVC decides what is stale, runs each stage (`dvc repro --single-item`, one process each) and keeps dvc.lock, so a
`dvc repro` afterwards finds nothing to do; what is added here is the order. A stage that fails stops what depends
on it and nothing else. Processes end with this one, even if it is killed: the next run takes up where it was.
"""

import argparse
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from codecsense import workers
from flows import graph, launch, mend, warm
from flows.processes import TOLD_TO_END, alone, begin_as_child, ended_how, heard, signal_group
from flows.schedule import BAD, Outcome, Schedule, expected_seconds
from flows.view import Lines, Screen, Watcher

ROOT = Path()
TIMINGS = ROOT / "data" / "timings"
BUSY = ROOT / "data" / "scratch" / "pipeline.busy"
GIB_PER_STAGE = 3
POLL_S = 0.2
GRACE_S = 20.0  # between asking a process to end and ending it
UP_TO_DATE = "Data and pipelines are up to date."


def main(argv: list[str]) -> int:
    """Run the graph; 0 if everything asked for is up to date, 1 if something failed, 130 if it was interrupted."""
    asked = parse(argv)
    try:
        with alone(BUSY, refuse):
            mend.mend(ROOT, lambda line: print(f"== {line}", flush=True))
            found = graph.read(ROOT, asked.target, compare=not asked.force)
            schedule = Schedule(found, expected_seconds(found.nodes, TIMINGS), force=asked.force)
            return run(schedule, asked.max_parallel or default_parallel())
    except (ValueError, OSError) as error:
        print(f"error in pipeline: {error}", file=sys.stderr)
        return 1


def parse(argv: list[str]) -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m flows.pipeline", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument(
        "--target", action="append", default=[], metavar="STAGE", help="make this and what it needs; may be repeated"
    )
    parser.add_argument("--force", action="store_true", help="run stages even if nothing they watch has changed")
    parser.add_argument("--max-parallel", type=_positive, metavar="N", help="stages at a time; default: one per core")
    return parser.parse_args(argv)


def refuse(other: str) -> None:
    """One run of the graph at a time: two would wait for each other's stages in the wrong order."""
    raise ValueError(f"a run of the graph ({other}) is under way in this folder; wait for it or end it")


def default_parallel() -> int:
    """A stage per core, and no more than memory holds at 3 GiB each; on Slurm as many as cluster.yaml says."""
    if launch.chosen(os.environ) == "slurm":
        return launch.cluster(launch.CLUSTER_FILE).stages_at_a_time
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return max(1, min(workers.available(), int(memory_gib / GIB_PER_STAGE)))


def run(schedule: Schedule, max_parallel: int) -> int:
    """Run what `schedule` holds, tell a person how it goes, and return the exit code."""
    settled = schedule.settle()
    total = len(schedule.graph.nodes)
    todo = total - len(settled)
    if not todo:
        print(UP_TO_DATE, flush=True)
        return 0
    print(f"== {todo} of {total} stages to look at, up to {max_parallel} at a time", flush=True)
    watchers: list[Watcher] = [Screen(todo) if sys.stdout.isatty() else Lines(todo)]
    if os.environ.get("PREFECT_API_URL"):
        watchers.append(observed(schedule, settled, max_parallel))
    started = time.monotonic()
    in_place = launch.chosen(os.environ) == "inline"
    team = Team(schedule, watchers, max_parallel)
    try:
        with heard(TOLD_TO_END, team.tell), warm.kept(wanted=in_place and todo > max_parallel) as team.shared:
            team.work()
    finally:
        for watcher in watchers:
            watcher.closed(interrupted=team.told > 0)
    return conclude(schedule, team.complaints, interrupted=team.told > 0, seconds=time.monotonic() - started)


def observed(schedule: Schedule, settled: list[str], max_parallel: int) -> Watcher:
    """A Prefect server that watches, and has seen what is unchanged."""
    from flows.observe import PipelineRun  # costs nothing where no server is named

    parameters = {"force": schedule.force, "max_parallel": max_parallel, "stages": list(schedule.graph.nodes)}
    watcher = PipelineRun(schedule.graph.before, parameters, os.environ)
    for name in settled:
        watcher.ended(name, schedule.ended[name], 0.0)
    return watcher


def conclude(schedule: Schedule, complaints: dict[str, str], *, interrupted: bool, seconds: float) -> int:
    """Say how the run as a whole ended, each failure with its reason; the exit code."""
    by = {outcome: [name for name, each in schedule.ended.items() if each == outcome] for outcome in Outcome}
    counted = ", ".join(f"{len(names)} {outcome}" for outcome, names in by.items() if names)
    print(f"\n== {counted}; {seconds:.0f} s", flush=True)
    for name in by[Outcome.FAILED]:
        print(f"   {name} failed: {complaints.get(name) or 'see its lines above'}", flush=True)
    if by[Outcome.NOT_RUN]:
        print(f"   not run, for they need what failed: {', '.join(by[Outcome.NOT_RUN])}", flush=True)
    if interrupted:
        print("   interrupted; the next run takes up what the stages have kept", flush=True)
        return 130
    return int(any(by[outcome] for outcome in BAD))


@dataclass
class Child:
    """The process of one stage."""

    name: str
    process: subprocess.Popen[bytes]
    started: float
    rest: bytes = b""  # of a line not yet ended
    outcome: Outcome = Outcome.DONE
    complaint: str = ""


@dataclass
class Team:
    """The processes of a run. One thread: everything happens in `work`."""

    schedule: Schedule
    watchers: Sequence[Watcher]
    max_parallel: int
    children: dict[str, Child] = field(default_factory=dict)
    complaints: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)  # what the environment of every stage says beside ours
    told: int = 0  # how often we were told to end
    ending: int = 0  # how far ending has got
    deadline: float = float("inf")

    def tell(self, _number: int) -> None:
        """Hear Ctrl-C, SIGTERM or of a closed terminal; the stages are told in `work`."""
        self.told += 1

    def work(self) -> None:
        """Start, listen and collect until nothing runs and nothing is left to start."""
        with selectors.DefaultSelector() as ears:
            while True:
                self._start_ready(ears)
                if not self.children:
                    return
                for key, _ in ears.select(timeout=POLL_S):
                    self._hear(key.data, ears)
                for child in list(self.children.values()):
                    if child.process.poll() is not None:
                        self._collect(child, ears)
                if self.told > self.ending or time.monotonic() > self.deadline:
                    self._end()

    def _end(self) -> None:
        """Ask all processes to end as Ctrl-C does; asked again, or after a while, end them."""
        self.ending += 1
        self.told = max(self.told, self.ending)
        self.deadline = time.monotonic() + GRACE_S
        number = signal.SIGINT if self.ending == 1 else signal.SIGTERM if self.ending == 2 else signal.SIGKILL
        for child in self.children.values():
            signal_group(child.process, number)

    def _start_ready(self, ears: selectors.BaseSelector) -> None:
        while not self.told and len(self.children) < self.max_parallel:
            for settled in self.schedule.settle():
                self._ended(settled, 0.0)
            name = self.schedule.next()
            if name is None:
                return
            self.schedule.start(name)
            child = Child(name, start(name, self._told(name), force=self.schedule.force), time.monotonic())
            assert child.process.stdout is not None
            os.set_blocking(child.process.stdout.fileno(), False)
            ears.register(child.process.stdout, selectors.EVENT_READ, child)
            self.children[name] = child
            for watcher in self.watchers:
                watcher.started(name)

    def _told(self, name: str) -> dict[str, str]:
        """What the process of a stage is to know from us and from the watchers."""
        own = {key: value for watcher in self.watchers for key, value in watcher.environment(name).items()}
        return self.shared | own

    def _ended(self, name: str, seconds: float) -> None:
        for watcher in self.watchers:
            watcher.ended(name, self.schedule.ended[name], seconds, self.complaints.get(name, ""))

    def _hear(self, child: Child, ears: selectors.BaseSelector) -> None:
        assert child.process.stdout is not None
        heard = child.process.stdout.read()
        if heard == b"":  # closed by all who could write to it
            ears.unregister(child.process.stdout)
        *lines, child.rest = (child.rest + (heard or b"")).split(b"\n")
        for line in lines:
            self._said(child, line)

    def _said(self, child: Child, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace").rpartition("\r")[2]
        child.outcome = outcome_of(child.name, text) or child.outcome
        if match := re.match(rf"error in {re.escape(child.name)}: (.*)|ERROR: (.*)", text):
            child.complaint = child.complaint or match[1] or match[2]
        for watcher in self.watchers:
            watcher.said(child.name, text)

    def _collect(self, child: Child, ears: selectors.BaseSelector) -> None:
        assert child.process.stdout is not None
        signal_group(child.process, signal.SIGKILL)  # whatever a stage that died has left behind
        if child.process.stdout in {key.fileobj for key in ears.get_map().values()}:
            self._hear(child, ears)
            with suppress(KeyError):
                ears.unregister(child.process.stdout)
        if child.rest:
            self._said(child, child.rest)
        child.process.stdout.close()
        del self.children[child.name]
        code = child.process.returncode
        if code:
            child.outcome = Outcome.FAILED
            self.complaints[child.name] = child.complaint or ended_how(code)
        self.schedule.end(child.name, child.outcome)
        self._ended(child.name, time.monotonic() - child.started)


def start(name: str, told: dict[str, str], *, force: bool) -> subprocess.Popen[bytes]:
    """Start `dvc repro --single-item` for one stage, in a group of its own, with both its outputs in one pipe."""
    command = [
        sys.executable,
        "-m",
        "dvc",
        "--wait-for-lock",
        "repro",
        "--single-item",
        *["--force"][: int(force)],
        name,
    ]
    environment = {
        **os.environ,
        **told,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=begin_as_child,
    )


def outcome_of(name: str, line: str) -> Outcome | None:
    """What a line by DVC says of how the stage went, if it does."""
    if f"'{name}' didn't change, skipping" in line:
        return Outcome.UNCHANGED
    if f"'{name}' is cached - skipping run" in line:
        return Outcome.RESTORED
    return None


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
