"""The order of the tests: the whole graph first, since it is the longest and the others then fit beside it."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "pipeline" not in item.path.parts)  # stable: the rest stay as they were
