"""A small graph with stages that cost nothing, run by the real pipeline and the real DVC."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flows import processes

ROOT = Path(__file__).parents[1]
TOY = ROOT / "tests" / "flows" / "toy"
PATIENCE_S = 600.0  # long, for where many things run at once; it is only waited out by a failure


class Place:
    """A checkout of the toy graph: first, then side@left and side@right, then last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC_", "PREFECT_", "CODECSENSE_"))
        }
        self.environment = {**clean, "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": f"{root}{os.pathsep}{ROOT}"}

    def on(self, **variables: str) -> "Place":
        """The same place, with these environment variables from now on."""
        self.environment |= variables
        return self

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=processes.begin_as_child,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, said

    def order(self, stage: str, **what: object) -> None:
        (self.root / "orders" / f"{stage}.json").write_text(json.dumps(what))

    def forget_orders(self) -> None:
        for file in (self.root / "orders").iterdir():
            file.unlink()

    def journal(self) -> list[str]:
        file = self.root / "journal"
        return file.read_text().splitlines() if file.is_file() else []

    def process_of(self, stage: str) -> int:
        """Wait until the stage runs; its process."""
        wait_until(lambda: any(line.startswith(f"starts {stage} ") for line in self.journal()))
        return int(next(line for line in reversed(self.journal()) if line.startswith(f"starts {stage} ")).split()[-1])

    def made(self) -> set[str]:
        return {path.name for path in (self.root / "data").iterdir() if path.is_file() and path.suffix == ""} - {
            ".gitignore"
        }


def wait_until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def make_template(root: Path) -> Path:
    """A new checkout of the toy graph at `root`, with the real flows and a DVC of its own."""
    for folder in (ROOT / "flows", TOY / "stages"):
        shutil.copytree(folder, root / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "cluster.yaml"):
        shutil.copy(TOY / name, root)
    shutil.copy(TOY / "graph.yaml", root / "dvc.yaml")  # DVC would take every dvc.yaml of the tree for its own
    for name in ("source", "left", "right"):
        (root / name).write_text(f"{name}\n")
    for name in ("orders", "data"):
        (root / name).mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=root, check=True)
    return root
