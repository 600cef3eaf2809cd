"""What several folders of tests share."""

from pathlib import Path

import pytest

from codecsense.codecs.damage import unusual


@pytest.fixture(scope="session")
def unusual_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One clip of every unusual but legal kind, by its name."""
    return {path.stem: path for path in unusual(tmp_path_factory.mktemp("unusual"))}
