"""`python -m flows.claims [NAME ...] [--plan] [--readme]`: the papers' claims, settled on the micro world.

Each claim of claims.yaml is a contrast of runs over several seeds. Their runs are made as those of a group are, in
places that share one cache; what is printed and written to data/papers/claims.md is a verdict with interval and cost.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from codecsense import config
from codecsense.papers import claims as claims_data
from codecsense.papers import pages
from codecsense.papers.claims import Claim, Settled
from codecsense.report.readme import replaced
from codecsense.report.sheets import markdown
from flows import groups

FILE = "claims.yaml"
SHARED_STAGES = ("see", "hear", "features", "host")  # of one seed, whatever runs are asked for
LEAST_SEEDS = 5


def main(argv: Sequence[str]) -> int:
    """Plan, compute what is missing, settle; 0 if every claim asked for has a verdict, whichever it is."""
    asked = parse(argv)
    root = groups.ROOT
    try:
        known, found = groups.read(root), claims_data.load(root / FILE)
        odd = set(asked.name) - set(found)
        if odd:
            raise ValueError(f"no claim `{odd.pop()}`; there are: {', '.join(found)}")
        chosen = {name: claim for name, claim in found.items() if not asked.name or name in asked.name}
        jobs = [job for seeds, runs in by_seeds(chosen, asked.seeds) for job in groups.plan(root, known, runs, seeds)]
        print(groups.told(jobs), flush=True)
        if asked.plan:
            return 0
        if failed := groups.compute(jobs, asked.max_parallel):
            print(f"error in claims: {', '.join(failed)} failed; what is made is kept", file=sys.stderr)
            return 1
        text = write(root, settled(root, chosen, jobs, asked.seeds))
    except (ValueError, OSError) as error:
        print(f"error in claims: {error}", file=sys.stderr)
        return 1
    print(text)
    if asked.readme:
        readme = root / "README.md"
        body = text.partition("\n\n")[2].strip()
        readme.write_text(replaced(readme.read_text(encoding="utf-8"), "claims", body), encoding="utf-8")
    return 0


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m flows.claims", description="Settle the papers' claims.")
    parser.add_argument("name", nargs="*", help=f"claims of {FILE}; all if none is named")
    parser.add_argument("--seeds", type=int, nargs="+", help="instead of those that a claim names; five or more")
    parser.add_argument("--plan", action="store_true", help="only say what would be run")
    parser.add_argument("--readme", action="store_true", help="also write the table into README.md")
    parser.add_argument("--max-parallel", type=int, metavar="N", help="stages at a time in one place")
    asked = parser.parse_args(argv)
    if asked.seeds and len(set(asked.seeds)) < LEAST_SEEDS:
        parser.error(f"a claim takes at least {LEAST_SEEDS} different seeds")
    return asked


def by_seeds(
    chosen: Mapping[str, Claim], seeds: Sequence[int] | None
) -> list[tuple[tuple[int, ...], dict[str, list[str]]]]:
    """The runs that the claims need, by base, for every set of seeds."""
    found: dict[tuple[int, ...], dict[str, dict[str, None]]] = {}
    for claim in chosen.values():
        needed = found.setdefault(tuple(seeds or claim.seeds), {})
        for base, runs in claim.runs().items():
            needed.setdefault(base, {}).update(dict.fromkeys(runs))
    return [(key, {base: list(runs) for base, runs in needed.items()}) for key, needed in found.items()]


def settled(
    root: Path, chosen: Mapping[str, Claim], jobs: Sequence[groups.Job], seeds: Sequence[int] | None
) -> list[Settled]:
    """Every claim with what its runs' answers say of it."""
    at = {(job.base, job.seed): job.place for job in jobs}
    values = config.read(root / "params.yaml")
    found = []
    for claim in chosen.values():
        own = seeds or claim.seeds
        terms = {term: claims_data.split(term) for term in claim.terms}
        answers = {term: [groups.answers(at[base, seed], run) for seed in own] for term, (run, base) in terms.items()}
        cost = sum(minutes(at[base, seed], runs) for base, runs in claim.runs().items() for seed in own)
        found.append(claims_data.settle(claim, answers, confidence=values["report"]["confidence"], cpu_minutes=cost))
    return found


def minutes(place: Path, runs: Sequence[str]) -> float:
    """Minutes of CPU that the stages of these runs took when they were last made there, those they share included."""
    values = config.read(place / "params.yaml")
    stages = list(SHARED_STAGES)
    for run in runs:
        taught = values["vanao"]["start"] if run in values["rl_runs"] else run
        stages += [f"align@{taught}", f"sft@{taught}", f"evaluate@{run}"]
        stages += ["blind", f"vanao@{run}"] if run in values["rl_runs"] else []
    files = [place / "data" / "timings" / f"{stage}.json" for stage in dict.fromkeys(stages)]
    return sum(float(json.loads(file.read_text())["cpu_s"]) for file in files if file.is_file()) / 60


def write(root: Path, found: Sequence[Settled]) -> str:
    """Write the table to data/papers as Markdown, HTML and CSV; the Markdown is returned."""
    confidence = config.read(root / "params.yaml")["report"]["confidence"]
    sheet = claims_data.sheet(found, confidence=confidence, commit=groups.commit(root))
    pages.write_claims(root / groups.OUTPUT, sheet, found)
    return markdown(sheet)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
