"""A checkout of the real graph on tests/tiny.yaml, for what needs real stages in processes of their own."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tiny_params import as_short_in_every_run
from toy_graph import ROOT, Place

from codecsense import config
from flows import graph

PATIENCE_S = 2400.0  # these are real stages, and other work may be going on beside them
TREE = ["codecsense", "stages", "flows", "dvc.yaml", ".dvcignore", "cluster.yaml"]


class Tiny:
    """The whole tree at `root`, with few clips, few steps and, where `keep` names runs, those runs alone."""

    def __init__(self, root: Path, *, changes: Mapping[str, object] | None = None, keep: tuple[str, ...] = ()) -> None:
        self.root = root
        root.mkdir(parents=True)
        for name in TREE:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, root)
        (root / "params.yaml").write_text(yaml.safe_dump(values(changes or {}, keep)))
        self.place = Place(root)
        self.place.environment["PYTHONPATH"] = str(root)
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
        subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=root, check=True)
        if lacking := self._lacking():
            raise ValueError(f"nobody makes {', '.join(lacking)}; keep what does, or change who reads it")

    def run(self, *arguments: str, **variables: str) -> str:
        """What a program of ours prints; it ends well."""
        place = Place(self.root)
        place.environment |= {**self.place.environment, **variables}
        process = place.start(*arguments)
        said, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said
        return said

    def _lacking(self) -> list[str]:
        made = {Path(out) for node in self.nodes() for out in node.outs}
        read = {Path(dep) for node in self.nodes() for dep in node.deps if dep.startswith("data/")}
        holding = {above for out in made for above in out.parents}
        return sorted(str(each) for each in read - holding if not made & {each, *each.parents})

    def nodes(self) -> list[graph.Node]:
        """The stages, as they are called where the tree is."""
        return [node._replace(name=node.name.rpartition(":")[2]) for node in graph.nodes(self.root)]

    def cluster(self, **changes: object) -> None:
        """Change what cluster.yaml says."""
        file = self.root / "cluster.yaml"
        file.write_text(yaml.safe_dump({**config.read(file), **changes}))

    def said_of(self, *folders: str) -> dict[str, str]:
        """The contents of every file in these folders, by name."""
        files = [file for folder in folders for file in sorted((self.root / folder).rglob("*")) if file.is_file()]
        return {str(file.relative_to(self.root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def values(changes: Mapping[str, object], keep: tuple[str, ...]) -> dict[str, Any]:
    """The values of params.yaml with those of tests/tiny.yaml, then `changes`, laid over them."""
    found = config.read(ROOT / "params.yaml")
    for dotted, value in {**config.read(ROOT / "tests" / "tiny.yaml"), **changes}.items():
        *above, last = dotted.split(".")
        section = found
        for name in above:
            section = section[name]
        section[last] = value
    if keep:
        for table in ("runs", "rl_runs"):
            found[table] = {name: run for name, run in found[table].items() if name in keep}
        found["evaluated"] = [name for name in found["evaluated"] if name in keep]
        for table in ("comparisons", "gates"):
            asked = found["report"][table]
            found["report"][table] = [each for each in asked if {each["first"], each["second"]} <= set(keep)]
    return as_short_in_every_run(found)
