"""What to run next: stages whose inputs are ready, the one with the longest way to the end first.

Pure decisions over the names of stages; processes are `flows.pipeline`'s business. Longest way first keeps the
last stages from waiting for one long branch that began late (list scheduling by critical path) [1].

References:
    [1] R. L. Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17 (1969).
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from flows.graph import Graph, after

UNKNOWN_S = 1.0  # a stage never timed; where none was, urgency is the length of the way in stages


class Outcome(StrEnum):
    """How a stage ended, in the words that are shown."""

    DONE = "done"
    RESTORED = "restored from the cache"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    NOT_RUN = "not run"


BAD = (Outcome.FAILED, Outcome.NOT_RUN)
MADE_ANEW = (Outcome.DONE, Outcome.RESTORED)


@dataclass
class Schedule:
    """Which stages wait, run and have ended; `force` runs also what is unchanged."""

    graph: Graph
    seconds: Mapping[str, float]
    force: bool = False
    running: set[str] = field(default_factory=set)
    ended: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.urgency = urgency(self.graph.before, self.seconds)

    def settle(self) -> list[str]:
        """End all that needs no process: unchanged where nothing changed above, not run below a failure."""
        settled = []
        for name in self.graph.nodes:
            if name in self.ended or name in self.running:
                continue
            above = [self.ended.get(other) for other in self.graph.before[name]]
            if any(outcome in BAD for outcome in above):
                self.ended[name] = Outcome.NOT_RUN
            elif not self.force and name not in self.graph.changed and all(each == Outcome.UNCHANGED for each in above):
                self.ended[name] = Outcome.UNCHANGED
            else:
                continue
            settled.append(name)
        return settled

    def next(self) -> str | None:
        """The most urgent stage whose inputs are ready, or None if there is none yet."""
        ready = [
            name
            for name in self.graph.nodes
            if name not in self.ended and name not in self.running and self.graph.before[name] <= set(self.ended)
        ]
        return max(ready, key=self.urgency.__getitem__, default=None)

    def start(self, name: str) -> None:
        """Note that `name` runs."""
        self.running.add(name)

    def end(self, name: str, outcome: Outcome) -> None:
        """Note how `name` ended."""
        self.running.discard(name)
        self.ended[name] = outcome


def urgency(before: Mapping[str, set[str]], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the start of each stage to the end of the longest way that leads on from it."""
    behind = after(before)
    found: dict[str, float] = {}
    for name in reversed(list(before)):  # each stands after what it reads
        found[name] = seconds[name] + max((found[other] for other in behind[name]), default=0.0)
    return found


def expected_seconds(names: Iterable[str], timings: Path) -> dict[str, float]:
    """How long each stage took when it was last run here; one that never was, as long as its like (`sft@...`)."""
    names = list(names)
    known = {name: _recorded(timings / f"{name}.json") for name in names}
    alike: dict[str, list[float]] = {}
    for name, taken in known.items():
        if taken is not None:
            alike.setdefault(_kind(name), []).append(taken)
    everywhere = [taken for each in alike.values() for taken in each]
    other = statistics.median(everywhere) if everywhere else UNKNOWN_S
    usual = {kind: statistics.median(taken) for kind, taken in alike.items()}
    return {name: usual.get(_kind(name), other) if taken is None else taken for name, taken in known.items()}


def _recorded(file: Path) -> float | None:
    if not file.is_file():
        return None
    return float(json.loads(file.read_text(encoding="utf-8"))["wall_s"])


def _kind(name: str) -> str:
    return name.split("@")[0]
