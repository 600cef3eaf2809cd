"""Every host of the folder, built tiny."""

import pytest
import tiny_twins
from tiny_hosts import NAMES, built

from codecsense.hosts import Host


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    assert request.param in tiny_twins.HOSTS, "say in tests/tiny_twins.py how to build this host small"
    return str(request.param)


@pytest.fixture
def host(name: str) -> Host:
    return built(name)
