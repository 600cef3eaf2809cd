"""`python -m flows.outlook STAGE ...`: what it would take to make these stages, as one line of JSON; nothing is run.

A stage is described by all that decides its results here: its command, the values that it watches, and what the stages
above it are. Two places in which the same stage would be run describe it alike, so that a plan counts it once.
"""

import hashlib
import json
import statistics
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from codecsense import config
from flows import graph
from flows.runcache import kept

ROOT = Path()
TIMINGS = ROOT / "data" / "timings"
IDLE_S = 3.0  # a training that takes one step or none
TRAININGS = ("see", "hear", "host", "align", "sft")


def outlook(targets: list[str], root: Path = ROOT, timings: Path = TIMINGS) -> dict[str, object]:
    """All stages that lead to `targets`, which of them must be made, what those are, and how much CPU they took."""
    found = graph.read(root, targets)
    cached = kept(root, found)
    missing: set[str] = set()
    for name, before in found.before.items():  # each after what it reads
        if name not in cached and (name in found.changed or before & missing):
            missing.add(name)
    values = config.read(root / "params.yaml")
    return {
        "stages": list(found.nodes),
        "missing": [name for name in found.nodes if name in missing],
        "fetched": sorted(cached),
        "seconds": expected(found.nodes, values, timings),
        "known_as": {name: each for name, each in described(found, values).items() if name in missing},
    }


def expected(names: Iterable[str], values: Mapping[str, Any], timings: Path) -> dict[str, float]:
    """Seconds of CPU of each stage: its own, else those of its like (`sft@...`); none where neither was timed."""
    known = {
        file.stem: float(json.loads(file.read_text(encoding="utf-8"))["cpu_s"]) for file in timings.glob("[!.]*.json")
    }
    alike: dict[str, list[float]] = {}
    for name, took in known.items():
        alike.setdefault(_kind(name), []).append(took)
    usual = {kind: statistics.median(took) for kind, took in alike.items()}
    found = {name: known.get(name, usual.get(_kind(name))) for name in names}
    found |= {name: IDLE_S for name in found if _idle(name, values)}
    return {name: took for name, took in found.items() if took is not None}


def described(found: graph.Graph, values: Mapping[str, Any]) -> dict[str, str]:
    """A name for what each stage would make, that is the same wherever the same would be made."""
    names: dict[str, str] = {}
    for name, node in found.nodes.items():
        above = sorted(names[other] for other in found.before[name])
        watched = {key: _at(values, key) for key in sorted(node.params)}
        text = json.dumps([node.argv, watched, above], sort_keys=True)
        names[name] = hashlib.sha256(text.encode()).hexdigest()
    return names


def _idle(name: str, values: Mapping[str, Any]) -> bool:
    """Whether this is a training of one step or none."""
    kind, _, run = name.partition("@")
    if kind not in TRAININGS:
        return False
    steps = values["runs"].get(run, {}).get(f"{kind}.steps", values[kind]["steps"])
    return bool(steps <= 1)


def _at(values: Mapping[str, Any], dotted: str) -> Any:
    found: Any = values
    for key in dotted.split("."):
        found = found[key]
    return found


def _kind(name: str) -> str:
    return name.split("@")[0]


if __name__ == "__main__":
    print(json.dumps(outlook(sys.argv[1:])))
