"""`python -m flows.outlook STAGE ...`: what it would take to make these stages, as one line of JSON; nothing is run."""

import json
import sys
from pathlib import Path

from flows import graph
from flows.schedule import expected_seconds

ROOT = Path()
TIMINGS = ROOT / "data" / "timings"


def outlook(targets: list[str], root: Path = ROOT, timings: Path = TIMINGS) -> dict[str, object]:
    """All stages that lead to `targets`, which of them DVC finds changed or below a change, and how long they took."""
    found = graph.read(root, targets)
    missing: set[str] = set()
    timed = {_kind(file.stem) for file in timings.glob("[!.]*.json")}
    for name, before in found.before.items():  # each after what it reads
        if name in found.changed or before & missing:
            missing.add(name)
    return {
        "stages": list(found.nodes),
        "missing": [name for name in found.nodes if name in missing],
        "seconds": {
            name: seconds for name, seconds in expected_seconds(found.nodes, timings).items() if _kind(name) in timed
        },
    }


def _kind(name: str) -> str:
    return name.split("@")[0]


if __name__ == "__main__":
    print(json.dumps(outlook(sys.argv[1:])))
