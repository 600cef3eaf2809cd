"""`python -m flows.seeds 0 1 2`: the whole graph once per seed, and a table of what was promised.

One seed proves little. Each seed gets a clone of the last commit under data/scratch/seeds, with `seed` changed
and nothing else, and shares this repository's cache: what does not depend on the seed is not made again, a
killed run is taken up again, and the results here stay as they are.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from flows.clones import ROOT, clone, last_commit

CLONES = ROOT / "data" / "scratch" / "seeds"


def main(seeds: list[str]) -> int:
    """Run every seed and print the table as Markdown, ready for LOG.md."""
    if not seeds or not all(seed.isdecimal() for seed in seeds):
        print("usage: python -m flows.seeds SEED ...", file=sys.stderr)
        return 1
    commit = last_commit()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    promises: dict[str, dict[str, dict[str, Any]]] = {}
    for seed in seeds:
        place = seeded(seed, commit)
        print(f"== seed {seed}, commit {commit}, in {place.relative_to(ROOT)}", flush=True)
        command = [sys.executable, "-m", "flows.pipeline"]
        if subprocess.run(command, cwd=place, env=environment, check=False).returncode:
            return 1
        promises[seed] = json.loads((place / "data/report/metrics.json").read_text(encoding="utf-8"))["promises"]
    print(f"\n{table(promises)}\n\nCommit {commit}.")
    return 0


def seeded(seed: str, commit: str) -> Path:
    """A clone of `commit` with this seed in its parameters."""
    place = clone(CLONES / f"{commit}-{seed}", commit)
    params = place / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(re.sub(r"^seed: \d+", f"seed: {seed}", text, flags=re.MULTILINE), encoding="utf-8")
    return place


def table(promises: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A row per promise, a column per seed: the value or its range, with its interval, and whether it holds."""
    lines = [f"| promise | {' | '.join(f'seed {seed}' for seed in promises)} |", f"| :-- |{' --: |' * len(promises)}"]
    for claim in next(iter(promises.values())):
        cells = [_cell(found[claim]) for found in promises.values()]
        lines.append(f"| {claim} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: dict[str, Any]) -> str:
    shown = {name: f"{100 * value:.1f}" for name, value in found.items() if name != "holds"}
    text = (
        f"{shown['value']} [{shown['low']}, {shown['high']}]"
        if "value" in shown
        else " to ".join(dict.fromkeys(shown.values()))
    )
    return text if found["holds"] else f"{text}, does not hold"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
