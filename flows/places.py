"""Places: copies of this tree with other values, in which the same graph is run; results are shared through one cache.

What all runs of the graph share (seed, world, host) stands once in params.yaml. To vary it, the tree is copied to
data/scratch/places, a folder per base and seed, with those values changed and the runs of every group beside those of
params.yaml. The graph here stays as it is. DVC's cache and its record of runs are this repository's, so whatever was
made here or in another place from the same inputs is fetched and not made again. A place is kept: the next call brings
its code and values up to date, and DVC says what that changes.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from codecsense import config
from codecsense.papers.groups import reinforced
from flows.processes import begin_as_child
from stages import params

ROOT = Path(__file__).parent.parent
TREE = ["codecsense", "stages", "flows", "profiles", "dvc.yaml", "cluster.yaml", ".dvcignore"]
SOME_FAILED, INTERRUPTED = 1, 130  # exit codes of a pipeline; any other says that it was killed
CONFIG = """\
[core]
    analytics = false
    autostage = false
    check_update = false
    no_scm = true
[cache]
    dir = {cache}
    type = "reflink,hardlink,copy"
"""


class Outlook(NamedTuple):
    """What a run of the graph in a place would have to look at."""

    stages: list[str]  # all that lead to the targets
    missing: list[str]  # of these, what is changed or reads what is, and DVC's cache does not have
    fetched: list[str]  # of these, what is not here but in DVC's cache
    seconds: dict[str, float]  # of CPU, of every stage whose like was timed before
    known_as: dict[str, str]  # what each missing stage would make, by a name that is the same in every place


def values(
    root: Path, *, seed: int, differences: Mapping[str, Any], runs: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """params.yaml with another seed, with what a base changes, and with more runs."""
    base = config.read(root / "params.yaml")
    made = base | {"seed": seed}
    for dotted, value in differences.items():
        made = _laid_over(made, dotted.split("."), value, dotted)
    made["runs"] = made["runs"] | {run: change for run, change in runs.items() if not reinforced(change)}
    made["rl_runs"] = made["rl_runs"] | {run: change for run, change in runs.items() if reinforced(change)}
    made["evaluated"] = [*made["runs"], *made["rl_runs"]]
    return made


def prepare(root: Path, name: str, new: Mapping[str, Any]) -> Path:
    """Bring the place `name` up to date with the tree of `root` and these values; ValueError if they are not usable."""
    place = root / "data" / "scratch" / "places" / name
    fresh = not (place / ".dvc").is_dir()
    place.mkdir(parents=True, exist_ok=True)
    for part in TREE:
        _mirror(root / part, place / part)
    _write(place / "params.yaml", yaml.safe_dump(dict(new), sort_keys=False))
    params.load(place / "params.yaml")
    if fresh:
        _open(root, place)
    return place


def look(place: Path, targets: Iterable[str]) -> Outlook:
    """What it would take to make `targets` there; nothing is run."""
    told = _python(place, "flows.outlook", *targets, quiet=True)
    return Outlook(**json.loads(told.stdout.splitlines()[-1]))


def run(place: Path, targets: Sequence[str], missing: Sequence[str], *, max_parallel: int | None = None) -> int:
    """Make `targets` there with the pipeline, locally or on Slurm as the environment says; its exit code.

    Runs that align the same adapter in the same way share their progress in data/scratch. So they align one after the
    other, and before all else: the first does the work, and the others find it done. One that fails keeps no other
    from being made.
    """
    wanted_runs = {target.partition("@")[2] for target in targets}
    aligned = [name for name in missing if name.partition("@")[2] in wanted_runs]
    first, others = twins(config.read(place / "params.yaml"), aligned)
    passes = [([*first, "host"], max_parallel), (others, 1)] if others else []
    for wanted, together in [*passes, (targets, max_parallel)]:
        words = [word for target in wanted for word in ("--target", target)]
        words += ["--max-parallel", str(together)] if together else []
        code = _python(place, "flows.pipeline", *words, quiet=False).returncode
        if code not in (0, SOME_FAILED):
            break
    return code


def twins(values: Mapping[str, Any], missing: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of alignments to be made, those that others repeat, and those others."""
    alike: dict[str, list[str]] = {}
    for name in missing:
        stage, _, run = name.partition("@")
        if stage == "align":
            change = {key: value for key, value in values["runs"][run].items() if key.startswith(("model.", "align."))}
            alike.setdefault(json.dumps(change, sort_keys=True), []).append(name)
    repeated = [names for names in alike.values() if len(names) > 1]
    return [names[0] for names in repeated], [name for names in repeated for name in names[1:]]


def _open(root: Path, place: Path) -> None:
    """Make a fresh copy a repository of DVC, with what is known here already in it."""
    (place / ".dvc").mkdir()
    _write(place / ".dvc" / "config", CONFIG.format(cache=_cache(root)))
    if (root / "data" / "timings").is_dir():
        shutil.copytree(root / "data" / "timings", place / "data" / "timings", dirs_exist_ok=True)
    if (root / "dvc.lock").is_file():
        shutil.copy2(root / "dvc.lock", place / "dvc.lock")
        _python(place, "dvc", "checkout", "--quiet", "--allow-missing", "--force", quiet=True)


def _cache(root: Path) -> Path:
    """Where DVC keeps results here; a place of a place has the same."""
    for name in ("config.local", "config"):
        file = root / ".dvc" / name
        for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
            key, _, value = line.partition("=")
            if key.strip() == "dir" and value.strip():
                return (root / ".dvc" / value.strip()).resolve()
    return (root / ".dvc" / "cache").resolve()


def _mirror(source: Path, target: Path) -> None:
    """Make `target` what `source` is: only files that differ are written, those that are gone are removed."""
    if source.is_file():
        if not target.is_file() or source.read_bytes() != target.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        return
    kept = {each.name for each in source.iterdir() if each.name != "__pycache__"} if source.is_dir() else set()
    for name in kept:
        _mirror(source / name, target / name)
    for old in list(target.iterdir()) if target.is_dir() else []:
        if old.name not in kept:
            shutil.rmtree(old) if old.is_dir() else old.unlink()


def _write(file: Path, text: str) -> None:
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        partial = file.with_name(f".{file.name}.unfinished")
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)


def _python(place: Path, module: str, *words: str, quiet: bool) -> subprocess.CompletedProcess[str]:
    """Run a module of the place's own tree; it ends with this process, even if that is killed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    environment |= {"PATH": path, "PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=place,
        env=environment,
        check=False,
        capture_output=quiet,
        text=True,
        preexec_fn=begin_as_child,
    )
    if quiet and done.returncode:
        raise ValueError(f"{module} in {place}: {done.stderr.strip().splitlines()[-1:] or 'failed'}")
    return done


def _laid_over(made: Any, keys: list[str], value: Any, dotted: str) -> Any:
    if not isinstance(made, dict) or keys[0] not in made:
        raise ValueError(f"a base changes `{dotted}`, which params.yaml does not have")
    return {**made, keys[0]: _laid_over(made[keys[0]], keys[1:], value, dotted) if keys[1:] else value}
