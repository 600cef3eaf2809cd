"""A checkout of the toy graph for each test that asks for one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from toy_graph import ROOT, TOY, Place


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy") / "place"
    shutil.copytree(ROOT / "flows", root / "flows", ignore=shutil.ignore_patterns("__pycache__", "stage.py"))
    shutil.copy(TOY / "stage.py", root / "flows")
    shutil.copy(TOY / "graph.yaml", root / "dvc.yaml")  # DVC would take every dvc.yaml of the tree for its own
    for name in ("source", "left", "right"):
        (root / name).write_text(f"{name}\n")
    for name in ("orders", "data"):
        (root / name).mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=root, check=True)
    return root


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Place:
    return Place(Path(shutil.copytree(template, tmp_path / "place")))
