"""dvc.yaml against the code: a stage reads only what DVC watches, and DVC watches all that it reads."""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codecsense import config
from flows import graph, stage
from stages.params import Params

ROOT = Path(__file__).parents[2]

# What no stage watches, and why that cannot change a result.
UNWATCHED_CODE = {
    "codecsense/config.py",  # turns values, which are watched, into types
    "codecsense/progress.py",  # writes to the screen only
}
UNWATCHED_PATHS = {
    "scratch",  # progress of killed work, in a folder named by everything that can change it
    "replies",  # what was paid for, named by all that decides it; DVC would empty it, or bring back an old one
    "timings",  # how long stages took is shown by the report and decides nothing
}


@pytest.fixture(scope="module")
def nodes() -> list[graph.Node]:
    return graph.nodes(ROOT)


def test_every_stage_has_a_file_and_every_file_a_stage(nodes: list[graph.Node]):
    files = {file.stem for file in stage.STAGES.glob("*.py")} - {"__init__", "params"}
    assert {node.argv[0] for node in nodes} == files


def test_a_stage_is_given_its_paths_by_name_and_nothing_else(nodes: list[graph.Node]):
    for node in nodes:
        name, _, paths = stage.parse(node.argv)
        arguments = set(inspect.signature(stage.find(name)).parameters)
        assert arguments - set(Params.model_fields) == set(paths), node.name


def test_every_path_in_a_command_is_watched_or_made(nodes: list[graph.Node]):
    for node in nodes:
        for name, path in stage.parse(node.argv)[2].items():
            known = covered(path, [*node.deps, *node.outs]) or any(covered(out, [path]) for out in node.outs)
            assert known or name in UNWATCHED_PATHS, f"{node.name}: --{name} {path}"


def test_all_data_that_is_watched_or_made_is_named_in_the_command(nodes: list[graph.Node]):
    for node in nodes:
        paths = list(stage.parse(node.argv)[2].values())
        for path in [*node.outs, *(dep for dep in node.deps if not (ROOT / dep).exists() or dep.startswith("data/"))]:
            assert covered(path, paths), f"{node.name}: {path} is in deps or outs but not in its command"


def test_every_section_that_a_stage_takes_is_watched(nodes: list[graph.Node]):
    for node in nodes:
        taken = sections_of(node)
        assert taken <= set(node.params), f"{node.name} does not watch {sorted(taken - set(node.params))}"


def test_the_differences_of_its_run_are_watched(nodes: list[graph.Node]):
    """By the stage itself, or by a stage before it that takes the same sections and makes what it reads."""
    values = config.read(ROOT / "params.yaml")
    for node in nodes:
        run = stage.parse(node.argv)[1]
        if run is None:
            continue
        changed = {dotted.split(".")[0] for dotted in {**values["runs"], **values["rl_runs"]}[run]}
        if run in values["rl_runs"]:
            changed |= {dotted.split(".")[0] for dotted in values["runs"][values["vanao"]["start"]]}
        watching = [each for each in nodes if stage.parse(each.argv)[1] == run and watches(each, run, values)]
        makers = [each for each in watching if each == node or any(covered(dep, each.outs) for dep in node.deps)]
        left = (changed & sections_of(node)) - {section for maker in makers for section in sections_of(maker)}
        assert makers, f"{node.name} does not watch what `{run}` changes"
        assert not left, f"{node.name} does not watch what `{run}` changes in {sorted(left)}"


def test_a_run_changes_only_what_is_done_once_per_run(nodes: list[graph.Node]):
    """A run that set `world.clips` would change nothing: the world is made once, from the base."""
    values = config.read(ROOT / "params.yaml")
    for table in ("runs", "rl_runs"):
        for run, differences in values[table].items():
            stages = {node.argv[0] for node in nodes if stage.parse(node.argv)[1] == run}
            reached = {name for node in nodes if node.argv[0] in stages for name in sections_of(node)}
            for dotted in differences:
                assert dotted.split(".")[0] in reached, f"no stage of run {run} takes `{dotted}`"


def test_every_stage_watches_the_code_it_imports(nodes: list[graph.Node]):
    for node in nodes:
        missing = {file for file in code_of(f"stages/{node.argv[0]}.py") if not covered(file, node.deps)}
        assert not missing, f"{node.name} imports but does not watch {sorted(missing)}"


def test_what_reads_streams_does_not_watch_how_they_are_made(nodes: list[graph.Node]):
    """Extraction that gives the same bytes must not cost anyone a training."""
    made_by = {"audit", "extract"}
    for node in nodes:
        if node.argv[0] not in made_by:
            watched = [dep for dep in node.deps if dep.startswith(("codecsense/codecs", "codecsense/streams"))]
            assert set(watched) <= code_of(f"stages/{node.argv[0]}.py"), node.name


def test_every_run_is_trained_and_evaluated(nodes: list[graph.Node]):
    values = config.read(ROOT / "params.yaml")
    made = {node.name for node in nodes}
    assert {f"sft@{run}" for run in values["runs"]} <= made
    assert {f"evaluate@{run}" for run in [*values["runs"], *values["rl_runs"]]} <= made


def sections_of(node: graph.Node) -> set[str]:
    return set(inspect.signature(stage.find(node.argv[0])).parameters) & set(Params.model_fields)


def watches(node: graph.Node, run: str, values: dict[str, Any]) -> bool:
    """Whether DVC reruns the stage when the differences of `run` change, those it starts from included."""
    keys = [f"runs.{run}"]
    if run in values["rl_runs"]:
        keys = [f"rl_runs.{run}", f"runs.{values['vanao']['start']}"]
    return all(any(key == known or key.startswith(f"{known}.") for known in node.params) for key in keys)


def covered(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def code_of(file: str) -> set[str]:
    """The files with code of codecsense that `file` imports, directly or not; a picked folder counts whole."""
    found: set[str] = set()
    waiting = [file]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        waiting += imports_of(current)
    return {each for each in found if each not in UNWATCHED_CODE and has_code(each)}


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


@cache
def imports_of(file: str) -> tuple[str, ...]:
    return tuple(imports_in(tree_of(file)))


def imports_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from files_of(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield from files_of(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "pick":
            folder = str(ast.literal_eval(node.args[0])).replace(".", "/")
            yield from (str(file.relative_to(ROOT)) for file in (ROOT / folder).glob("*.py"))


def files_of(module: str) -> Iterator[str]:
    """The file of a module of codecsense and those of the packages around it."""
    parts = module.split(".")
    if parts[0] != "codecsense":
        return
    for end in range(1, len(parts) + 1):
        stem = "/".join(parts[:end])
        for file in (f"{stem}.py", f"{stem}/__init__.py"):
            if (ROOT / file).is_file():
                yield file


@cache
def has_code(file: str) -> bool:
    """Whether a file holds more than its docstring."""
    body = tree_of(file).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)
