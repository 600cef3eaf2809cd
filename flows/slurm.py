"""What Slurm says of a job, and what follows from it.

No single source is trusted: accounting may be switched off, the controller may be down, and a finished job is
forgotten after minutes. So the result that the work itself leaves counts first; then the queue, then the
accounting and the controller's memory of the job. Only silence of them all, for a while, means that a job is lost.
"""

import re
import subprocess
from dataclasses import dataclass
from enum import StrEnum

ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
}  # fmt: skip
HELD = ("held", "dependencyneversatisfied", "badconstraints")  # reasons that end only by somebody's doing
UNKNOWN_JOB = ("Invalid job id", "invalid job id")
ANSWER_S = 60.0
WORDS = {
    "CANCELLED": "it was cancelled",
    "TIMEOUT": "it reached its time limit",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it needed more memory than it asked for",
    "PREEMPTED": "it was preempted and not requeued",
    "FAILED": "its process died",
    "BOOT_FAIL": "its node did not start",
    "DEADLINE": "its deadline passed",
    "COMPLETED": "it ended without a result",
}


class Stand(StrEnum):
    """Where a job stands."""

    ACTIVE = "active"
    HELD = "held"
    ENDED = "ended"
    GONE = "gone"  # nobody knows it
    SILENT = "silent"  # the controller does not answer


@dataclass(frozen=True)
class Seen:
    """One look at a job: where it stands, Slurm's state, and its reason or its node."""

    stand: Stand
    state: str = ""
    detail: str = ""

    def words(self) -> str:
        """Why a job that left no result has ended."""
        return WORDS.get(self.state, f"Slurm says {self.state}" if self.state else "Slurm no longer knows it")


def look(job_id: str) -> Seen:
    """Ask the queue for one job (`12`, or `12_3` of an array), then those who remember ended jobs."""
    done = _ask(["squeue", "--noheader", "--states=all", f"--jobs={job_id}", "--format=%T|%r|%N"])
    if done.returncode and not any(words in done.stderr for words in UNKNOWN_JOB):
        return Seen(Stand.SILENT, detail=done.stderr.strip())
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if not lines:
        return remembered(job_id)
    return read_queue(lines[0])


def read_queue(line: str) -> Seen:
    """What a line `state|reason|node` of squeue means."""
    state, reason, node = (part.strip() for part in line.split("|"))
    if state in ENDED:
        return Seen(Stand.ENDED, state, reason)
    if any(word in reason.lower() for word in HELD):
        return Seen(Stand.HELD, state, reason)
    return Seen(Stand.ACTIVE, state, node or reason)


def remembered(job_id: str) -> Seen:
    """What the accounting, or else the controller, remembers of a job that has left the queue."""
    done = _ask(["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={job_id}", "--format=State"])
    if done.returncode == 0 and done.stdout.strip():
        return _ended(done.stdout.split()[0])
    done = _ask(["scontrol", "show", "job", job_id])
    if done.returncode == 0 and (match := re.search(r"JobState=(\w+)", done.stdout)):
        return _ended(match[1])
    return Seen(Stand.GONE)


def named(name: str) -> list[str]:
    """The jobs of this user with this name that are not over: what a killed submitter has left behind."""
    done = _ask(["squeue", "--noheader", "--me", f"--name={name}", "--format=%A"])
    if done.returncode:
        raise ValueError(f"Slurm does not answer: {done.stderr.strip()}")
    return sorted(set(done.stdout.split()))


def cancel(job_id: str) -> None:
    """Cancel a job or an array; one that is over already is no mistake."""
    _ask(["scancel", job_id])


def _ended(state: str) -> Seen:
    return Seen(Stand.ENDED if state in ENDED else Stand.ACTIVE, state)


def _ask(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {ANSWER_S:g} s")
    except FileNotFoundError:
        raise ValueError(
            f"there is no `{command[0]}` here; run this where Slurm is, or with CODECSENSE_CLUSTER=inline"
        ) from None
