"""`python -m flows.groups NAME ... [--base B] [--seeds 0 1] [--plan]`: tables of the papers, from runs to pages.

A group of `groups.yaml` names its runs. For each base and seed they need, a place (`flows.places`) gets these runs;
what is already made is found, the rest is computed by the pipeline there, locally or on Slurm. What will be run, what
is cached and what it costs is printed before anything starts. The tables land in data/papers.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from codecsense import config
from codecsense.evaluation.rivals import RivalsConfig
from codecsense.papers import costs, gates, pages, surroundings
from codecsense.papers import groups as groups_data
from codecsense.papers.groups import RIVALS, SHARED, Group, Groups, Source, reinforced
from codecsense.papers.sheet import Made
from codecsense.schemas import answers as answers_table
from flows import launch, outlook, pipeline, places

ROOT = Path(__file__).parent.parent
FILE = "groups.yaml"
LIBRARY = "profiles/adapter_runs.yaml"
OUTPUT = "data/papers"
CLIPS_SHOWN = 2
EAR = "hear.steps"  # which bases make short


class Job(NamedTuple):
    """What one place has to make."""

    base: str
    seed: int
    place: Path
    runs: list[str]  # and `rivals`, where a row is one
    outlook: places.Outlook

    @property
    def targets(self) -> list[str]:
        """The stages that end it."""
        return targets(self.runs)


class Known(NamedTuple):
    """The groups, and the differences of every run that they add to params.yaml."""

    groups: Groups
    changes: dict[str, dict[str, Any]]
    own: dict[str, dict[str, Any]]  # those of params.yaml
    policies: frozenset[str]  # of these, what reinforcement learning made

    def reinforced(self, run: str) -> bool:
        """Whether reinforcement learning makes a run."""
        return run in self.policies or reinforced(self.change(run))

    def listens(self, run: str) -> bool:
        """Whether a run hears; those of reinforcement go on from one that does."""
        return self.reinforced(run) or "model.audio.tokens" in self.change(run)

    def differences(self, base: str, runs: Sequence[str]) -> dict[str, Any]:
        """What a base differs in from params.yaml; the ear is taught in full where one of these runs listens."""
        found = {} if base == SHARED else self.groups.bases[base]
        heard = any(self.listens(run) for run in runs if run != RIVALS)
        return {key: value for key, value in found.items() if not (heard and key == EAR)}

    def change(self, run: str) -> dict[str, Any]:
        """What a run differs in from params.yaml."""
        return self.changes.get(run, self.own.get(run, {}))


def main(argv: Sequence[str]) -> int:
    """Plan, compute what is missing, render; 0 if every table asked for is made."""
    asked = parse(argv)
    try:
        known = read(ROOT)
        names = known.groups.of_papers(asked.base) if asked.name == ["all"] else asked.name
        chosen = {called(name, asked.base): known.groups.find(name, asked.base) for name in names}
        check(ROOT, known, chosen)
        jobs = plan(ROOT, known, needs(chosen), asked.seeds or [config.read(ROOT / "params.yaml")["seed"]])
        print(told(jobs), flush=True)
        if asked.plan:
            return 0
        failed = compute(jobs, asked.max_parallel)
        without = lacking(chosen, jobs, failed)
        show(known, {name: group for name, group in chosen.items() if name not in without}, jobs)
    except (ValueError, OSError) as error:
        print(f"error in groups: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ngroups: interrupted; the same command goes on from what is made", file=sys.stderr)
        return places.INTERRUPTED
    for name, runs in without.items():
        print(
            f"error in groups: no table `{name}`, for lack of {', '.join(runs)}; what is made is kept", file=sys.stderr
        )
    return int(bool(failed))


def called(name: str, base: str) -> str:
    """What the files of a table are called."""
    return name if base == SHARED else f"{name}_on_{base}"


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m flows.groups", description="Make tables of the papers.")
    parser.add_argument("name", nargs="+", help=f"groups of {FILE}, or `all`")
    parser.add_argument("--base", default=SHARED, help="another host or world of `bases:` there, for all rows")
    parser.add_argument("--seeds", type=int, nargs="+", help="each run once per seed; default: that of params.yaml")
    parser.add_argument("--plan", action="store_true", help="only say what would be run")
    parser.add_argument("--max-parallel", type=int, metavar="N", help="stages at a time; default: one per core")
    return parser.parse_args(argv)


def read(root: Path) -> Known:
    """The groups of `root`, and every run they name; ValueError names what does not fit."""
    values = config.read(root / "params.yaml")
    own = values["runs"] | values["rl_runs"]
    found = groups_data.load(root / FILE)
    return Known(found, found.changes(config.read(root / LIBRARY), own), own, frozenset(values["rl_runs"]))


def check(root: Path, known: Known, chosen: Mapping[str, Group]) -> None:
    """ValueError names a rival of a group that the stage `rivals` would not try in its base."""
    for base, _, rival in (source for group in chosen.values() for source in group.sources().values()):
        if rival is not None and rival not in (titles := rivals(root, known.groups, base)):
            raise ValueError(f"`{rival}` is none of the rivals of base `{base}`: {', '.join(titles)}")


def rivals(root: Path, found: Groups, base: str) -> dict[str, dict[str, Any]]:
    """The rivals that are tried in a base, by title, with their settings and the run that they are tried on."""
    section = config.read(root / "params.yaml")["rivals"]
    section |= {"tried": found.bases.get(base, {}).get("rivals.tried", section["tried"])}
    settings = RivalsConfig.model_validate(section)
    return {
        rival.title: each | {"checkpoint": settings.checkpoints[rival.checkpoint]}
        for rival, each in zip(settings.tried, section["tried"], strict=True)
    }


def needs(chosen: Mapping[str, Group]) -> dict[str, list[str]]:
    """The runs that the groups need, by base, each once; `rivals` stands for all training-free ones."""
    found: dict[str, dict[str, None]] = {}
    for group in chosen.values():
        for base, run, _ in group.sources().values():
            found.setdefault(base, {})[run or RIVALS] = None
    return {base: list(runs) for base, runs in found.items()}


def plan(root: Path, known: Known, needed: Mapping[str, list[str]], seeds: Sequence[int]) -> list[Job]:
    """Bring the places up to date and ask DVC what each would have to make."""
    jobs = []
    for base, runs in needed.items():
        differences = known.differences(base, runs)
        for seed in seeds:
            new = places.values(root, seed=seed, differences=differences, runs=known.changes)
            place = places.prepare(root, f"{base}-{seed}", new)
            jobs.append(Job(base, seed, place, runs, places.look(place, targets(runs))))
    return jobs


def targets(runs: Sequence[str]) -> list[str]:
    """What is asked of the graph for these runs."""
    return [run if run == RIVALS else f"evaluate@{run}" for run in runs]


def told(jobs: Sequence[Job]) -> str:
    """The plan: by place, the runs, what is made already and what the rest is expected to take."""
    lines = ["| base | seed | runs | stages | cached | to make | CPU minutes | GPU hours of Stage 2 |"]
    lines.append("| :-- | --: | :-- | --: | --: | --: | --: | --: |")
    minutes, unknown = 0.0, 0
    counted: set[str] = set()  # what another place of this plan makes first
    for job in jobs:
        look = job.outlook
        here = [name for name in look.missing if look.known_as[name] not in counted]
        counted |= set(look.known_as.values())
        shared = set(places.twins(config.read(job.place / "params.yaml"), here)[1])
        took = sum(outlook.IDLE_S if name in shared else look.seconds.get(name, 0.0) for name in here) / 60
        minutes, unknown = minutes + took, unknown + sum(name not in look.seconds for name in here)
        counts = f"{len(look.stages)} | {len(look.stages) - len(look.missing)} | {len(look.missing)}"
        gpu = costs.hours(config.read(job.place / "params.yaml"), look.missing)
        lines.append(f"| {job.base} | {job.seed} | {', '.join(job.runs)} | {counts} | {took:.1f} | {gpu} |")
    note = (
        f"{minutes:.0f} minutes of CPU in all, by what stages or their like took here before, and {unknown} stages "
        "whose like was never timed here. What several places need is counted where it is needed first."
    )
    return "\n".join([*lines, "", note, ""])


def compute(jobs: Sequence[Job], max_parallel: int | None) -> dict[Path, set[str]]:
    """Make what is missing. By place, the runs that failed.

    On Slurm all places go side by side. Here seeds do, which share nothing, as far as there are cores; a seed's places
    go one after another, for what one makes the next finds in the cache.
    """
    todo = [job for job in jobs if job.outlook.missing or job.outlook.fetched]
    if launch.chosen(os.environ) == "slurm":
        queues, wide, each = [[job] for job in todo], len(todo), max_parallel
    else:
        queues = [[job for job in todo if job.seed == seed] for seed in dict.fromkeys(job.seed for job in todo)]
        wide, each = shared_out(max_parallel or pipeline.default_parallel(), len(queues))

    def work(queue: Sequence[Job]) -> list[Job]:
        failed: list[Job] = []
        for number, job in enumerate(queue):
            code = places.run(job.place, job.targets, job.outlook.missing, max_parallel=each)
            if code == places.INTERRUPTED:
                return [*failed, *queue[number:]]
            failed += [job] if code else []
        return failed

    with ThreadPoolExecutor(max_workers=max(1, wide)) as threads:
        return {job.place: unmade(job) for failed in threads.map(work, queues) for job in failed}


def shared_out(stages: int, queues: int) -> tuple[int, int]:
    """How many queues go side by side, and how many stages at a time in each, where so many are allowed in all."""
    wide = max(1, min(stages, queues))
    return wide, stages // wide


def unmade(job: Job) -> set[str]:
    """The runs of a job that its place still has to make."""
    missing = places.look(job.place, job.targets).missing
    return {run for run, target in zip(job.runs, job.targets, strict=True) if target in missing}


def lacking(chosen: Mapping[str, Group], jobs: Sequence[Job], failed: Mapping[Path, set[str]]) -> dict[str, list[str]]:
    """The groups that cannot be shown, each with the runs it lacks, as `PLACE: RUN`."""
    gone = {(job.base, run): f"{job.place.name}: {run}" for job in jobs for run in failed.get(job.place, ())}
    found = {
        name: [gone[base, run or RIVALS] for base, run, _ in group.sources().values() if (base, run or RIVALS) in gone]
        for name, group in chosen.items()
    }
    return {name: list(dict.fromkeys(runs)) for name, runs in found.items() if runs}


def show(known: Known, chosen: Mapping[str, Group], jobs: Sequence[Job]) -> None:
    """Write the tables of these groups, and a page with all of them."""
    made = [render(ROOT, known, name, group, jobs) for name, group in chosen.items()]
    print("\n".join(each.text for each in made))
    if made:
        place = next(job.place for job in jobs)
        around = surroundings.around(place, surroundings.clips_of(place)[:CLIPS_SHOWN], commit=commit(ROOT))
        print(f"All on one page: {pages.write_all(ROOT / OUTPUT, made, around)}")


def render(root: Path, known: Known, name: str, group: Group, jobs: Sequence[Job]) -> pages.Written:
    """Write the table as Markdown, HTML and CSV to data/papers."""
    at = {(job.base, job.seed): job.place for job in jobs}
    seeds = sorted({job.seed for job in jobs})
    found = {
        row: [answered(at[source.base, seed], source) for seed in seeds] for row, source in group.sources().items()
    }
    made = Made(
        seeds=seeds,
        commit=commit(root),
        changes={row: known.change(run) for row, (_, run) in group.runs().items()},
        bases={base: known.differences(base, runs) for base, runs in needs({name: group}).items() if base != SHARED},
        rivals={
            row: rivals(root, known.groups, base)[rival] for row, (base, _, rival) in group.sources().items() if rival
        },
    )
    folders = {row: at[base, seeds[0]] / "data" / "runs" / run for row, (base, run) in group.runs().items()}
    values = config.read(root / "params.yaml")
    gated = group.runs().items() if group.figure == "gates" else ()
    split = values["evaluate"]["split"]
    return pages.write(
        root / OUTPUT,
        name,
        group,
        found,
        made,
        trained=folders,
        policies=[row for row, (_, run) in group.runs().items() if known.reinforced(run)],
        gates={row: gates.shares(at[base, seeds[0]], run, split=split) for row, (base, run) in gated},
        confidence=values["report"]["confidence"],
    )


def answered(place: Path, source: Source) -> pl.DataFrame:
    """What a run or a rival answered there."""
    if source.rival is None:
        return answers(place, str(source.run))
    everyone = answers_table.read(place / "data" / "rivals" / "answers.parquet", stage=RIVALS)
    return everyone.filter(pl.col("run") == source.rival)


def answers(place: Path, run: str) -> pl.DataFrame:
    """What a run answered there."""
    return answers_table.read(place / "data" / "results" / run / "answers.parquet")


def commit(root: Path) -> str:
    """The commit that the tree is of, with a plus sign where something has been changed since."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=7", "--exclude=*"],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
