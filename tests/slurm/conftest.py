"""One Slurm on loopback for all tests that want one, and the toy graph on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm.loopback import Loopback, missing
from toy_graph import Place, make_template


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    if lacking := missing():
        pytest.fail(f"tests marked `slurm` need {', '.join(lacking)}; see tests/slurm/loopback.py")
    cluster = Loopback(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("toy") / "place")


@pytest.fixture
def place(template: Path, tmp_path: Path, slurm: Loopback) -> Place:
    place = Place(Path(shutil.copytree(template, tmp_path / "place")))
    return place.on(CODECSENSE_CLUSTER="slurm", SLURM_CONF=slurm.environment["SLURM_CONF"])
