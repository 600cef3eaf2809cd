"""Where a stage runs: in this process, in one of its own, or as a Slurm job (CODECSENSE_CLUSTER=inline|local|slurm).

No stage watches that choice, nor cluster.yaml, so it never makes a stage stale. A job outlives whoever waits for
it: asked again for the same work, the launcher finds the job, and waits for it or takes its results, instead of
submitting twice. Only this file, `flows.work` and `flows.slurm` know of Slurm.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codecsense import config
from codecsense.config import Config
from codecsense.turns import CALL_AGAIN
from flows import graph, processes, slurm, work
from flows.slurm import Stand

CLUSTER_FILE = Path("cluster.yaml")
PARAMS_FILE = Path("params.yaml")
JOBS = Path("data/scratch/jobs")
PLACES = ("inline", "local", "slurm")
IN_SHARES = ("audit", "extract", "think", "blind", "evaluate")  # stages that know how to do a share of their work
ALWAYS_PASSED = (  # with `environment` of cluster.yaml, all that a job inherits: no key or token by accident
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "CODECSENSE_TRACEBACK",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "SLURM_CONF",
)  # fmt: skip
OnJobs = Callable[[Mapping[str, Path]], None]  # hears of a stage's jobs: what each prints is in this file


class Resources(Config):
    """What one stage asks of Slurm; `nodes` times `processes` are started, each with `cpus`."""

    partition: str | None
    account: str | None
    qos: str | None
    nodes: int
    processes: int
    gpus: int
    cpus: int
    memory_gib: float
    hours: float
    warning_s: int
    requeues: int
    shares: int


class Cluster(Config):
    """cluster.yaml."""

    poll_s: float
    lost_after_s: float
    stages_at_a_time: int
    setup: list[str]
    environment: list[str]
    defaults: Resources
    stages: dict[str, dict[str, Any]]

    def resources(self, label: str) -> Resources:
        """What the stage called `label` gets: the defaults, its stage's differences, then its own."""
        stage = label.split("@")[0]
        changed = {**self.stages.get(stage, {}), **(self.stages.get(label, {}) if label != stage else {})}
        return Resources.model_validate({**self.defaults.model_dump(), **changed})


def chosen(environment: Mapping[str, str]) -> str:
    """Where stages are to run, as the environment says."""
    place = environment.get("CODECSENSE_CLUSTER") or "inline"
    if place not in PLACES:
        raise ValueError(f"CODECSENSE_CLUSTER={place}: choose one of {', '.join(PLACES)}")
    return place


def cluster(file: Path) -> Cluster:
    """What cluster.yaml says, each stage's differences checked."""
    if not file.is_file():
        raise ValueError(f"{file} is missing; CODECSENSE_CLUSTER=slurm reads from it what each stage asks for")
    try:
        found = Cluster.model_validate(config.read(file))
        for label in found.stages:
            if found.resources(label).shares > 1 and label.split("@")[0] not in IN_SHARES:
                raise ValueError(f"stages.{label}.shares: only {', '.join(IN_SHARES)} can be cut into shares")
        if found.defaults.shares != 1:
            raise ValueError(f"defaults.shares: 1, for only {', '.join(IN_SHARES)} can be cut into shares")
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return found


def elsewhere(label: str, argv: Sequence[str], place: str, on_jobs: OnJobs) -> None:
    """Run the stage as `place` says and pass on what it prints; ValueError if it fails, `on_jobs` hears of its jobs."""
    code = locally(label, argv) if place == "local" else Launch(label, argv, cluster(CLUSTER_FILE), on_jobs).run()
    if code:
        raise ValueError(f"it ended with {processes.ended_how(code)}; its own lines say why")


def locally(label: str, argv: Sequence[str]) -> int:
    """Run the stage in a process of its own, and keep what it prints in data/scratch/jobs."""
    folder = private(JOBS / label)
    file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    environment = {**os.environ, "DVC_STAGE": label, "CODECSENSE_CLUSTER": "inline", "PYTHONUNBUFFERED": "1"}
    environment.pop("PREFECT_API_URL", None)  # the server hears it from this process
    command = [sys.executable, "-m", "flows.stage", *argv]
    print(f"{label}: runs in a process of its own; log {file}", flush=True)
    reason = ""
    with (
        file.open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            text = line.decode("utf-8", errors="replace")
            reason = reason or reason_in(label, text)
            print(text, end="", flush=True)
    if process.returncode < 0:
        raise ValueError(f"its process was {processes.ended_how(process.returncode)}; log {file}")
    if process.returncode and reason:
        raise ValueError(reason)
    return process.returncode


def reason_in(label: str, line: str) -> str:
    """Why the stage failed, if this line of its own says so."""
    start = f"error in {label}: "
    return line.removeprefix(start).strip() if line.startswith(start) else ""


@dataclass
class Launch:
    """One stage on Slurm: found or submitted, waited for, and its results brought in."""

    label: str
    argv: Sequence[str]
    cluster: Cluster
    on_jobs: OnJobs

    def __post_init__(self) -> None:
        self.folder = private(JOBS / self.label).absolute()
        self.asked = self.cluster.resources(self.label)
        node = {node.name: node for node in graph.nodes(Path())}[self.label]
        self.outs = node.outs
        self.mark = fingerprint(self.argv, node.deps)
        self.name = f"codecsense-{self.label}-{self.mark}"

    def run(self) -> int:
        """Wait for the job of this very work, submitted now or earlier; the stage's exit code."""
        with processes.alone(self.folder / "waiting", self._refuse):
            while self.asked.shares > 1 and (code := self._wait(self._found("shares") or self._submit("shares"))):
                if code != CALL_AGAIN:
                    return code
                self._note("shares", [])
            jobs = self._found("whole")
            code = self._wait(jobs or self._submit("whole"))
            self._note("whole", [])
            self._note("shares", [])
            return code

    def _refuse(self, other: str) -> None:
        raise ValueError(f"{other} already waits for this stage's job")

    def _found(self, part: str) -> list[str]:
        """The jobs that do this work already; those that do the stage's work of another day are cancelled."""
        file = self.folder / f"{part}.json"
        noted = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"mark": "", "jobs": []}
        if noted["mark"] != self.mark:
            for job in noted["jobs"]:
                if not work.ended(self.folder, job).is_file():
                    print(f"{self.label}: job {job} works on values or code of before; it is cancelled", flush=True)
                    slurm.cancel(job)
            noted["jobs"] = self._orphans(part)
        usable = [job for job in noted["jobs"] if self._usable(job)]
        if not usable or len(usable) < len(noted["jobs"]):
            return []
        print(f"{self.label}: found job {', '.join(usable)}, submitted earlier for the same work", flush=True)
        return usable

    def _orphans(self, part: str) -> list[str]:
        """Jobs of this very name that nobody noted, for their submitter was killed in between."""
        found = slurm.named(f"{self.name}-{part}")
        if not found or part == "whole":
            return found[:1]
        return [f"{found[0]}_{share}" for share in range(self.asked.shares)]

    def _usable(self, job: str) -> bool:
        file = work.ended(self.folder, job)
        seen = slurm.look(job)
        while seen.state == "COMPLETING" and not file.is_file():  # it is over, and soon Slurm says how
            time.sleep(self.cluster.poll_s)
            seen = slurm.look(job)
        if file.is_file():
            return bool(json.loads(file.read_text(encoding="utf-8"))["code"] in (0, CALL_AGAIN))
        return seen.stand not in (Stand.ENDED, Stand.GONE)

    def _submit(self, part: str) -> list[str]:
        import submitit

        shares = [f"{number}/{self.asked.shares}" for number in range(self.asked.shares)] if part == "shares" else [""]
        executor = submitit.SlurmExecutor(folder=self.folder, max_num_timeout=self.asked.requeues)
        executor.update_parameters(**parameters(self.asked, self.cluster, f"{self.name}-{part}"))
        todo = [
            work.Work(self.label, list(self.argv), str(Path().absolute()), str(self.folder), self.outs, share)
            for share in shares
        ]
        with executor.batch():
            submitted = [executor.submit(each) for each in todo]
        found = [str(job.job_id) for job in submitted]
        self._note(part, found)
        print(f"{self.label}: job {', '.join(found)} submitted; logs in {self.folder}", flush=True)
        return found

    def _note(self, part: str, jobs: list[str]) -> None:
        partial = self.folder / f".{part}.json"
        partial.write_text(json.dumps({"mark": self.mark, "jobs": jobs}), encoding="utf-8")
        partial.replace(self.folder / f"{part}.json")

    def _wait(self, jobs: list[str]) -> int:
        self.on_jobs({job: logs(self.folder, job)[0] for job in jobs})
        try:
            waiter = Waiter(self.label, self.folder, jobs, self.cluster)
            codes = waiter.wait()
        except KeyboardInterrupt:
            self._interrupted(jobs)
            raise
        for job in jobs:
            place = work.kept(self.folder, job)
            if place.is_dir():
                work.bring_back(self.outs, Path(), place)
        failed = [code for code in codes if code not in (0, CALL_AGAIN)]
        if failed and waiter.reason:
            raise ValueError(waiter.reason)
        return max(failed or codes)

    def _interrupted(self, jobs: list[str]) -> None:
        named = " ".join(jobs)
        if os.environ.get("CODECSENSE_ON_INTERRUPT") == "cancel":
            for job in jobs:
                slurm.cancel(job)
            print(f"\n{self.label}: job {named} cancelled; what it has kept stays", file=sys.stderr)
        else:
            print(
                f"\n{self.label}: job {named} goes on; the same command finds it again, `scancel {named}` ends it",
                file=sys.stderr,
            )


class Waiter:
    """Follows jobs to their end, prints what they print, and says what holds them up."""

    def __init__(self, label: str, folder: Path, jobs: list[str], cluster: Cluster) -> None:
        self.label, self.folder, self.cluster = label, folder, cluster
        self.codes: dict[str, int | None] = dict.fromkeys(jobs)
        self.read: dict[Path, int] = {}
        self.said: dict[str, str] = {}
        self.lost: dict[str, float] = {}
        self.reason = ""  # in the stage's own words

    def wait(self) -> list[int]:
        """Exit codes of the jobs, in their order; ValueError if one ended without leaving a result."""
        while True:
            for job in [job for job, code in self.codes.items() if code is None]:
                self._follow(job)
                self.codes[job] = self._code(job)
            codes = [code for code in self.codes.values() if code is not None]
            if len(codes) == len(self.codes):
                return codes
            time.sleep(self.cluster.poll_s)

    def _code(self, job: str) -> int | None:
        file = work.ended(self.folder, job)
        if file.is_file():
            self._follow(job)
            said = json.loads(file.read_text(encoding="utf-8"))
            if "reason" in said:
                raise ValueError(f"job {job}: {said['reason']}; log {logs(self.folder, job)[0]}")
            return int(said["code"])
        seen = slurm.look(job)
        if seen.stand in (Stand.ENDED, Stand.GONE):
            self._without_result(job, seen)
            return None
        self.lost.pop(job, None)
        self._say(job, seen)
        return None

    def _without_result(self, job: str, seen: slurm.Seen) -> None:
        """A result may still be on its way through the file system, and a job on its way back into the queue."""
        since = self.lost.setdefault(job, time.monotonic())
        patience_s = self.cluster.lost_after_s if seen.stand == Stand.GONE else min(10.0, self.cluster.lost_after_s)
        if time.monotonic() - since > patience_s:
            self._follow(job)
            raise ValueError(f"job {job} left no result: {seen.words()}; log {logs(self.folder, job)[0]}")

    def _say(self, job: str, seen: slurm.Seen) -> None:
        words = {
            Stand.HELD: f"is held ({seen.detail}); `scontrol release {job}` lets it go, `scancel {job}` ends it",
            Stand.SILENT: f"is out of sight: {seen.detail.splitlines()[0] if seen.detail else 'Slurm does not answer'}",
            Stand.ACTIVE: f"{seen.state.lower()} ({seen.detail})",
        }[seen.stand]
        if self.said.get(job) != words:
            self.said[job] = words
            print(f"{self.label}: job {job} {words}", flush=True)

    def _follow(self, job: str) -> None:
        for file in logs(self.folder, job):
            if file.is_file():
                with file.open("rb") as log:
                    log.seek(self.read.get(file, 0))
                    whole, _, _ = log.read().rpartition(b"\n")
                if whole:
                    self.read[file] = self.read.get(file, 0) + len(whole) + 1
                    for line in whole.decode("utf-8", errors="replace").splitlines():
                        self.reason = self.reason or reason_in(self.label, line)
                        if not line.startswith("submitit "):
                            print(line, flush=True)


def logs(folder: Path, job: str) -> list[Path]:
    """Where submitit keeps what a job prints: its output, and its errors."""
    return [folder / f"{job}_0_log.out", folder / f"{job}_0_log.err"]


def parameters(asked: Resources, cluster: Cluster, name: str) -> dict[str, Any]:
    """What is asked for, in submitit's words."""
    passed = [each for each in (*ALWAYS_PASSED, *cluster.environment) if each in os.environ]
    found: dict[str, Any] = {
        "job_name": name,
        "time": max(1, round(asked.hours * 60)),
        "nodes": asked.nodes,
        "ntasks_per_node": asked.processes,
        "cpus_per_task": asked.cpus,
        "mem": f"{round(asked.memory_gib * 1024)}MB",
        "signal_delay_s": asked.warning_s,
        "setup": cluster.setup,
        "srun_args": ["--export=ALL"],  # all that sbatch let through
        "additional_parameters": {"requeue": True, "export": ",".join(passed)},
    }
    named = {key: getattr(asked, key) for key in ("partition", "account", "qos")}
    found |= {key: value for key, value in named.items() if value is not None}
    return found | ({"gpus_per_node": asked.gpus} if asked.gpus else {})


def private(folder: Path) -> Path:
    """The folder, made if need be, and readable by its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, folder.parent):
        each.chmod(0o700)
    return folder


def fingerprint(argv: Sequence[str], deps: Sequence[str]) -> str:
    """A name for a stage's very work: its checkout, command, parameters, and the files it reads, code and data."""
    parts = [
        str(Path().absolute()),
        *argv,
        PARAMS_FILE.read_text(encoding="utf-8"),
        *(json.dumps(_stamp(Path(dep))) for dep in deps),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _stamp(path: Path) -> list[tuple[str, int, int]]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    read = [file for file in files if "__pycache__" not in file.parts]
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in read]
