"""`python -m flows.stage STAGE [--run RUN] --PATH VALUE ...`: the only command in dvc.yaml.

It finds `stages/STAGE.py`, hands each argument of its function the section or the path of that name,
and turns an error that a user can mend into one message instead of a traceback (CODECSENSE_TRACEBACK=1
shows both). Numerical libraries read their number of threads when they are imported, and two threads add
in another order than one: so `threads` of params.yaml is set before anything heavy is imported.
"""

import contextlib
import gc
import importlib
import inspect
import json
import os
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from codecsense import config, turns, workers
from flows import launch, observe, processes, warm

PARAMS_FILE = Path("params.yaml")
TIMINGS = Path("data/timings")
RUNNING = Path("data/scratch/running")
STAGES = Path(__file__).parent.parent / "stages"
OBJECTS_BETWEEN_COLLECTIONS = 100_000  # importing makes a million that stay; Python's 700 costs a second a stage
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def main(argv: list[str]) -> int:
    """Run one stage as the command line names it; 0 if it ended, 1 with one clear message if not.

    A share that is to be called again ends with `turns.CALL_AGAIN`.
    """
    name = label(argv, os.environ)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        stage, run, paths = parse(argv)
        limit_threads(PARAMS_FILE, os.environ)
        quiet()
        function = find(stage)
        arguments = bind(function, run, paths)
        with observe.stage_run(name, {"run": run} | arguments if run else arguments, os.environ) as seen:
            if (place := launch.chosen(os.environ)) == "inline":
                return here(name, function, arguments)
            launch.elsewhere(name, argv, place, seen.jobs)
    except (ValueError, OSError) as error:
        if os.environ.get("CODECSENSE_TRACEBACK"):
            traceback.print_exc()
        print(f"\nerror in {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; the next run resumes what the stage has kept", file=sys.stderr)
        return 130
    return 0


def handed_over(argv: list[str]) -> int | None:
    """Have a warm process run the stage if there is one; its exit code, or None if the stage is still to be run."""
    address = os.environ.pop(warm.ADDRESS, "")
    return warm.ask(address, argv) if address else None


def here(name: str, function: Callable[..., None], arguments: dict[str, object]) -> int:
    """Run the stage in this process, once at a time for each share and each process of a distributed run."""
    share, rank = os.environ.get("CODECSENSE_SHARE", ""), os.environ.get("RANK", "0")
    file = RUNNING / "-".join(part.replace("/", "of") for part in (name, share, rank) if part)
    with processes.alone(file, lambda other: print(f"{name}: waits for an earlier run of it ({other}) to end")):
        print(f"{name}: starts", flush=True)
        try:
            with timed(name, TIMINGS) as clock:
                function(**arguments)
        except workers.ShareDoneError as done:
            print(f"{name}: {done}", flush=True)
            return turns.CALL_AGAIN if isinstance(done, turns.CallAgainError) else 0
        print(f"{name}: done in {clock['wall_s']:.1f} s", flush=True)
        return 0


def label(argv: list[str], environment: Mapping[str, str]) -> str:
    """How the stage is called in messages and timings: as DVC calls it (`sft@full`), or as the command line says."""
    if "DVC_STAGE" in environment:
        return environment["DVC_STAGE"].split(":")[-1]
    run = argv[argv.index("--run") + 1 :][:1] if "--run" in argv else []
    return "@".join([*argv[:1], *run]) or "stage"


def parse(argv: list[str]) -> tuple[str, str | None, dict[str, str]]:
    """Stage, run and the remaining `--name value` pairs; the names are the stage's own arguments."""
    if not argv or argv[0].startswith("-") or len(argv) % 2 == 0:
        raise ValueError("usage: python -m flows.stage STAGE [--run RUN] --NAME VALUE ...")
    pairs: dict[str, str] = {}
    for flag, value in zip(argv[1::2], argv[2::2], strict=True):
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or name in pairs:
            raise ValueError(f"expected --NAME once each, found {flag!r}")
        pairs[name] = value
    return argv[0], pairs.pop("run", None), pairs


def limit_threads(params_file: Path, environment: dict[str, str] | os._Environ[str]) -> None:
    """Give the numerical libraries the number of threads that `params_file` says; it can change the last digit."""
    threads = config.read(params_file).get("threads")
    if isinstance(threads, int):
        environment.update(dict.fromkeys(THREADS, str(threads)))


def quiet() -> None:
    """Keep what users cannot mend off their screen: a bar per weight file in a log, and peft's use of an old name."""
    if not sys.stdout.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)


def known() -> list[str]:
    """The names of all stages."""
    return sorted(file.stem for file in STAGES.glob("*.py") if file.stem not in ("__init__", "params"))


def find(stage: str) -> Callable[..., None]:
    """The public function of `stages/STAGE.py`."""
    if not (STAGES / f"{stage}.py").is_file():
        raise ValueError(f"there is no stage `{stage}`; there are: {', '.join(known())}")
    function: Callable[..., None] = getattr(importlib.import_module(f"stages.{stage}"), stage)
    return function


def bind(function: Callable[..., None], run: str | None, paths: dict[str, str]) -> dict[str, object]:
    """The stage's arguments: those named like a section get that section of `run`, all others are paths."""
    from stages.params import Params, load  # pulls in torch, which must find the number of threads set

    wanted = inspect.signature(function).parameters
    expected = set(wanted) - set(Params.model_fields)
    if expected != set(paths):
        missing, unknown = sorted(expected - set(paths)), sorted(set(paths) - expected)
        raise ValueError(f"missing arguments {missing}, unknown arguments {unknown}")
    params = load(PARAMS_FILE, run)
    sections = {name: getattr(params, name) for name in wanted if name in Params.model_fields}
    return sections | {name: Path(value) for name, value in paths.items()}


@contextlib.contextmanager
def timed(name: str, folder: Path) -> Iterator[dict[str, float]]:
    """Measure the work inside and leave it in `folder`/`name`.json; the figures are filled in when it has ended.

    `wall_s` passed, `cpu_s` were spent by this process and the children it waited for, `peak_mib` is the
    largest memory of any one of them, with what it shares with a warm process it was forked from.
    Work that fails leaves nothing.
    """
    clock: dict[str, float] = {}
    started, wall, cpu = datetime.now(UTC), time.perf_counter(), sum(os.times()[:4])
    yield clock
    peaks_kib = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    clock["wall_s"] = round(time.perf_counter() - wall, 2)
    clock["cpu_s"] = round(sum(os.times()[:4]) - cpu, 2)
    clock["peak_mib"] = max(peaks_kib) // 1024
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.{os.getpid()}.json"  # processes that train together end together
    partial.write_text(json.dumps({"stage": name, "started": started.isoformat(timespec="seconds"), **clock}))
    partial.replace(folder / f"{name}.json")


if __name__ == "__main__":
    processes.end_as_interrupted()
    if "DVC_STAGE" in os.environ:
        processes.end_with_parent()
    code = handed_over(sys.argv[1:])
    sys.exit(main(sys.argv[1:]) if code is None else code)
