"""Real clips, and the settings that the tests of the codec side share."""

from pathlib import Path

import cv2
import pytest

from codecsense import config
from codecsense.codecs.settings import AuditConfig

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of small real clips; LICENCES.md says where they come from."""
    cv2.setNumThreads(1)
    return ROOT / "tests/clips"


@pytest.fixture(scope="session")
def audit_settings() -> AuditConfig:
    return AuditConfig.model_validate(config.read(ROOT / "params.yaml")["audit"])
