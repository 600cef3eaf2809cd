"""`python -m flows.stage STAGE [--run RUN] --PATH VALUE ...`: the only command in dvc.yaml.

It finds `stages/STAGE.py`, hands each argument of its function the section or the path of that name,
and turns an error that a user can mend into one line instead of a traceback.
"""

import importlib
import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stages.params import Params, load

PARAMS_FILE = Path("params.yaml")


def main(argv: list[str]) -> int:
    """Run one stage as the command line names it; 0 if it ended, 1 with one clear message if not."""
    try:
        stage, run, paths = parse(argv)
        function = find(stage)
        arguments = bind(function, load(PARAMS_FILE, run), paths)
        started = time.perf_counter()
        print(f"{label(stage, run)}: starts", flush=True)
        function(**arguments)
        print(f"{label(stage, run)}: done in {time.perf_counter() - started:.1f} s", flush=True)
    except (ValueError, FileNotFoundError) as error:
        print(f"\nerror in {' '.join(argv[:1])}: {error}", file=sys.stderr)
        return 1
    return 0


def label(stage: str, run: str | None) -> str:
    """How a stage is called in messages: `sft@full`, as DVC calls it."""
    return f"{stage}@{run}" if run else stage


def parse(argv: list[str]) -> tuple[str, str | None, dict[str, str]]:
    """Stage, run and the remaining `--name value` pairs; the names are the stage's own arguments."""
    if not argv or argv[0].startswith("-") or len(argv) % 2 == 0:
        raise ValueError("usage: python -m flows.stage STAGE [--run RUN] --NAME VALUE ...")
    pairs: dict[str, str] = {}
    for flag, value in zip(argv[1::2], argv[2::2], strict=True):
        if not flag.startswith("--"):
            raise ValueError(f"expected --NAME, found {flag!r}")
        pairs[flag[2:].replace("-", "_")] = value
    return argv[0], pairs.pop("run", None), pairs


def find(stage: str) -> Callable[..., None]:
    """The public function of `stages/STAGE.py`."""
    if not (Path(__file__).parent.parent / "stages" / f"{stage}.py").is_file():
        raise ValueError(f"there is no stage `{stage}`: no file stages/{stage}.py")
    function: Callable[..., None] = getattr(importlib.import_module(f"stages.{stage}"), stage)
    return function


def bind(function: Callable[..., None], params: Params, paths: dict[str, str]) -> dict[str, object]:
    """The stage's arguments: those named like a section get that section, all others are paths."""
    wanted = inspect.signature(function).parameters
    sections = {name: getattr(params, name) for name in wanted if name in Params.model_fields}
    missing = set(wanted) - set(sections) - set(paths)
    unknown = set(paths) - set(wanted)
    if missing or unknown:
        raise ValueError(f"missing arguments {sorted(missing)}, unknown arguments {sorted(unknown)}")
    return sections | {name: Path(value) for name, value in paths.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
