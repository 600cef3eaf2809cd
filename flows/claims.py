"""`python -m flows.claims [NAME ...] [--plan]`: the papers' claims, settled on the micro world.

Each claim of claims.yaml is a contrast of runs over several seeds. Their runs are made as those of a group are, in
places that share one cache, claim by claim in the order of the file: cheap and central ones stand first, and each is
written to data/papers/claims.md with interval and cost as soon as its runs are there; all others say `not run`.
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
from codecsense.report.sheets import markdown
from flows import groups, places

FILE = "claims.yaml"
RECORD = "claims.json"  # what was found, beside the table
SHARED_STAGES = ("see", "hear", "features", "host")  # of one seed, whatever runs are asked for
LEAST_SEEDS = 5


def main(argv: Sequence[str]) -> int:
    """Plan, then claim by claim compute what is missing and settle; 0 if every claim asked for has a verdict."""
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
        text = ""
        work = Work(jobs)
        for name, claim in chosen.items():
            if work.make(claim, asked.seeds or claim.seeds, asked.max_parallel):
                text = write(root, found, {name: settled(root, claim, jobs, asked.seeds or claim.seeds)})
    except (ValueError, OSError) as error:
        print(f"error in claims: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nclaims: interrupted; the same command goes on from what is made", file=sys.stderr)
        return places.INTERRUPTED
    print(text)
    for place, runs in work.failed.items():
        print(f"error in claims: {place.name}: {', '.join(sorted(runs))} failed; what is made is kept", file=sys.stderr)
    return int(bool(work.failed))


class Work:
    """What has been made of the jobs, so that each claim asks for no more than it lacks."""

    def __init__(self, jobs: Sequence[groups.Job]) -> None:
        self.jobs = {(job.base, job.seed): job for job in jobs}
        self.made: dict[Path, set[str]] = {job.place: set() for job in jobs}
        self.failed: dict[Path, set[str]] = {}

    def make(self, claim: Claim, seeds: Sequence[int], max_parallel: int | None) -> bool:
        """Make the claim's runs; False if one of them failed, now or for a claim before."""
        needed = [(base, seed, runs) for base, runs in claim.runs().items() for seed in seeds]
        if any(self._failed(*each) for each in needed):
            return False
        lacking = [job for each in needed if (job := self._lacking(*each))]
        for place, runs in groups.compute(lacking, max_parallel).items():
            self.failed[place] = self.failed.get(place, set()) | runs
        for job in lacking:
            self.made[job.place] |= set(job.runs) - self.failed.get(job.place, set())
        return not any(self._failed(*each) for each in needed)

    def _failed(self, base: str, seed: int, runs: Sequence[str]) -> bool:
        return not self.failed.get(self.jobs[base, seed].place, set()).isdisjoint(runs)

    def _lacking(self, base: str, seed: int, runs: Sequence[str]) -> groups.Job | None:
        job = self.jobs[base, seed]
        made = self.made[job.place]
        left = [run for run in runs if run not in made]
        missing, fetched = (
            [name for name in names if not made or name.partition("@")[2] in left]
            for names in (job.outlook.missing, job.outlook.fetched)
        )
        return job._replace(runs=left, outlook=job.outlook._replace(missing=missing, fetched=fetched)) if left else None


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m flows.claims", description="Settle the papers' claims.")
    parser.add_argument("name", nargs="*", help=f"claims of {FILE}; all if none is named")
    parser.add_argument("--seeds", type=int, nargs="+", help="instead of those that a claim names; five or more")
    parser.add_argument("--plan", action="store_true", help="only say what would be run")
    parser.add_argument("--max-parallel", type=int, metavar="N", help="stages at a time; default: one per core")
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


def settled(root: Path, claim: Claim, jobs: Sequence[groups.Job], seeds: Sequence[int]) -> Settled:
    """A claim with what its runs' answers say of it."""
    at = {(job.base, job.seed): job.place for job in jobs}
    terms = {term: claims_data.split(term) for term in claim.terms}
    answers = {term: [groups.answers(at[base, seed], run) for seed in seeds] for term, (run, base) in terms.items()}
    return claims_data.settle(
        claim,
        answers,
        confidence=config.read(root / "params.yaml")["report"]["confidence"],
        cpu_minutes=sum(minutes(at[base, seed], runs) for base, runs in claim.runs().items() for seed in seeds),
        commit=groups.commit(root),
    )


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


def write(root: Path, claims: Mapping[str, Claim], new: Mapping[str, Settled]) -> str:
    """Write all claims to data/papers as Markdown, HTML and CSV, the settled ones with verdicts; the Markdown."""
    output = root / groups.OUTPUT
    output.mkdir(parents=True, exist_ok=True)
    known = claims_data.remembered(output / RECORD, claims) | dict(new)
    claims_data.remember(output / RECORD, known)
    for each in new.values():
        print(f"== {each.claim.claim}: {each.verdict}, {100 * each.found.value:+.1f} points", flush=True)
    confidence = config.read(root / "params.yaml")["report"]["confidence"]
    sheet = claims_data.sheet([known.get(name, claim) for name, claim in claims.items()], confidence=confidence)
    pages.write_claims(output, sheet, [known[name] for name in claims if name in known])
    return markdown(sheet)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
