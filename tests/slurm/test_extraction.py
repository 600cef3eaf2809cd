"""Extraction of the micro world as an array over several nodes: the same bytes as without Slurm."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from slurm.loopback import Loopback
from toy_graph import PATIENCE_S, ROOT

from codecsense import config

TREE = ["codecsense", "stages", "flows", "dvc.yaml", ".dvcignore", "cluster.yaml"]


def tiny() -> dict[str, Any]:
    values = config.read(ROOT / "params.yaml")
    changes = {**config.read(ROOT / "tests" / "tiny.yaml"), "extract.videos_per_shard": 4}
    for dotted, value in changes.items():
        *above, last = dotted.split(".")
        section = values
        for name in above:
            section = section[name]
        section[last] = value
    return values


def run(place: Path, *arguments: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "PREFECT_"))}
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(place)}
    environment |= {"DVC_NO_ANALYTICS": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def said_of(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slurm
@pytest.mark.timeout(1800)
def test_extraction_as_an_array_over_nodes_makes_the_same_streams(slurm: Loopback, tmp_path: Path):
    place = tmp_path / "place"
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(exist_ok=True)
            shutil.copy(source, place)
    (place / "params.yaml").write_text(yaml.safe_dump(tiny()))
    cluster = config.read(place / "cluster.yaml")
    cluster |= {"poll_s": 0.5, "stages": {"extract": {"shares": 3, "cpus": 4, "memory_gib": 4.0}}}
    (place / "cluster.yaml").write_text(yaml.safe_dump(cluster))
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)
    run(place, "dvc", "init", "--quiet")
    run(place, "dvc", "repro", "extract@world")
    inline = said_of(place / "data/streams/world")
    assert len(inline) > 5
    conf = slurm.environment["SLURM_CONF"]
    force = ("dvc", "repro", "--force", "--single-item", "extract@world")
    said = run(place, *force, CODECSENSE_CLUSTER="slurm", SLURM_CONF=conf)
    assert said_of(place / "data/streams/world") == inline
    nodes = {word for word in ("(n1)", "(n2)", "(n3)") if word in said}
    assert len(nodes) > 1, said
    assert "share 0/3" in said
    assert "up to date" in run(place, "dvc", "status", "extract@world")
