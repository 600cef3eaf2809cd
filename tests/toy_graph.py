"""A small graph with stages that cost nothing, run by the real pipeline and the real DVC."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOY = ROOT / "tests" / "flows" / "toy"
PATIENCE_S = 120.0


class Place:
    """A checkout of the toy graph: first, then side@left and side@right, then last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "PREFECT_"))}
        self.environment = {**clean, "PATH": path, "PYTHONPATH": f"{root}{os.pathsep}{ROOT}"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
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
