"""A checkout of the toy graph for each test that asks for one."""

import shutil
from pathlib import Path

import pytest
from toy_graph import Place, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("toy") / "place")


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Place:
    return Place(Path(shutil.copytree(template, tmp_path / "place")))
