"""A teacher on loopback for each test that asks for one, and no proxy before it."""

import os
from collections.abc import Iterator

import pytest
from loopback_teacher import LoopbackTeacher, Manners, proxies, serving


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in proxies(os.environ):
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[LoopbackTeacher]:
    with serving(Manners()) as server:
        yield server
