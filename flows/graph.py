"""The graph of dvc.yaml as plain values, for what walks it: the pipeline and the tests.

DVC itself unrolls the templates, so what is read here is what `dvc repro` would run.
"""

import shlex
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

ENTRY = ["python", "-m", "flows.stage"]


class Node(NamedTuple):
    """One stage as DVC runs it; paths are relative to the repository, files of code among the `deps`."""

    name: str
    argv: list[str]  # what follows `python -m flows.stage`; nothing for data that `dvc add` tracks
    deps: list[str]
    params: list[str]  # dotted keys of params.yaml
    outs: list[str]


@dataclass(frozen=True)
class Graph:
    """Stages by name, each after those in `before` whose results it reads.

    `changed` are those that DVC finds changed as things stand: their code, values, data or results. What
    reads their results may turn out to be changed as well, once they have run.
    """

    nodes: dict[str, Node]
    before: dict[str, set[str]]
    changed: frozenset[str]


def read(root: Path, targets: Iterable[str] = (), *, compare: bool = True) -> Graph:
    """What it takes to make `targets` (stages or groups of them, as DVC names them; everything if none is named).

    `compare` asks DVC, once for all stages, which of them are changed; without it every one counts as changed.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo  # half a second, and only the walkers of the graph need it

    try:
        with warnings.catch_warnings(), Repo(str(root), _wait_for_lock=True) as repo:
            warnings.filterwarnings(
                "ignore", message="_NoneStep.value", category=DeprecationWarning
            )  # DVC's use of pygtrie
            found = {stage.addressing: stage for stage in repo.index.stages}
            edges = {
                stage.addressing: {other.addressing for other in repo.index.graph.successors(stage)}
                for stage in found.values()
            }
            wanted = {stage.addressing for target in targets for stage in repo.stage.collect(target)} or set(found)
            names = _closure(wanted, edges)
            changed = set(repo.status()) if compare else names
    except DvcException as error:
        raise ValueError(f"dvc: {error}") from error
    order = [name for name in TopologicalSorter(edges).static_order() if name in names]
    return Graph(
        nodes={name: _node(name, found[name]) for name in order},
        before={name: edges[name] for name in order},
        changed=frozenset(changed & names),
    )


def nodes(root: Path) -> list[Node]:
    """Every stage of the graph, each after those whose results it reads."""
    return list(read(root, compare=False).nodes.values())


def after(before: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """For each stage, those that read its results."""
    found: dict[str, set[str]] = {name: set() for name in before}
    for name, others in before.items():
        for other in others:
            found[other].add(name)
    return found


def _closure(names: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    """`names` and all that leads to them along `edges`."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges[name]
    return found


def _node(name: str, stage: Any) -> Node:
    outs = [out.def_path for out in stage.outs]
    if not stage.cmd:
        return Node(name=name, argv=[], deps=[], params=[], outs=outs)
    words = shlex.split(stage.cmd)
    if words[: len(ENTRY)] != ENTRY:
        raise ValueError(f"dvc.yaml: stage {name} must run `{' '.join(ENTRY)}`, not `{stage.cmd}`")
    deps = [dep.def_path for dep in stage.deps if not hasattr(dep, "params")]
    params = [key for dep in stage.deps if hasattr(dep, "params") for key in dep.params]
    return Node(name=name, argv=words[len(ENTRY) :], deps=deps, params=params, outs=outs)
