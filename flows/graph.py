"""The graph of dvc.yaml as plain values, for what walks it: the pipeline and the tests.

DVC itself unrolls the templates, so what is read here is what `dvc repro` would run.
"""

import shlex
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

ENTRY = ["python", "-m", "flows.stage"]


class Node(NamedTuple):
    """One stage as DVC runs it; paths are relative to the repository, files of code among the `deps`."""

    name: str
    argv: list[str]  # what follows `python -m flows.stage`
    deps: list[str]
    params: list[str]  # dotted keys of params.yaml
    outs: list[str]


def nodes(root: Path) -> list[Node]:
    """Every stage of the graph, each after those whose results it reads."""
    from dvc.repo import Repo  # half a second, and only the walkers of the graph need it

    with Repo(str(root)) as repo:
        found = {stage.name: _node(stage) for stage in repo.index.stages}
    before = {
        name: {other.name for other in found.values() if any(_within(dep, other.outs) for dep in node.deps)}
        for name, node in found.items()
    }
    return [found[name] for name in TopologicalSorter(before).static_order()]


def _node(stage: Any) -> Node:
    words = shlex.split(stage.cmd)
    if words[: len(ENTRY)] != ENTRY:
        raise ValueError(f"dvc.yaml: stage {stage.name} must run `{' '.join(ENTRY)}`, not `{stage.cmd}`")
    deps = [dep.def_path for dep in stage.deps if not hasattr(dep, "params")]
    params = [key for dep in stage.deps if hasattr(dep, "params") for key in dep.params]
    outs = [out.def_path for out in stage.outs]
    return Node(name=stage.name, argv=words[len(ENTRY) :], deps=deps, params=params, outs=outs)


def _within(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") or folder.startswith(f"{path}/") for folder in folders)
