"""House rules that a machine can see, held over every file of the tree."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted(file for top in ("codecsense", "stages", "flows") for file in (ROOT / top).rglob("*.py"))
FOLDERS = sorted(file for file in CODE if file.name == "__init__.py" and file.read_text().strip())
NOT_THINGS = {"utils", "common", "helpers", "misc", "base"}


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", CODE, ids=named)
def test_a_module_says_what_it_is_for_and_is_named_for_a_thing(file: Path):
    tree = ast.parse(file.read_text())
    assert not tree.body or ast.get_docstring(tree), f"{named(file)} does not open with what it is for"
    assert file.stem not in NOT_THINGS


@pytest.mark.parametrize("file", CODE, ids=named)
def test_a_module_is_short_enough_to_be_read(file: Path):
    assert len(file.read_text().splitlines()) <= 400


@pytest.mark.parametrize("file", FOLDERS, ids=named)
def test_a_contract_imports_none_of_its_own_backends(file: Path):
    package = ".".join(file.parent.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        modules = {name for name in names if name.startswith(f"{package}.") and is_backend(name)}
        assert not modules, f"{named(file)} imports {sorted(modules)}"


def is_backend(name: str) -> bool:
    """Whether a dotted name is, or is in, a file that a `name` of params.yaml can choose."""
    path = ROOT.joinpath(*name.split("."))
    files = [path.with_suffix(".py"), path.parent.with_suffix(".py")]
    return any(file.is_file() and "class Settings(" in file.read_text() for file in files)
