"""Settings as shipped, and a micro clip encoded as the micro world encodes its own."""

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from codecsense import config
from codecsense.codecs.known_clips import Encoding, Motion, render, write
from codecsense.codecs.settings import AuditConfig
from codecsense.streams.settings import ExtractConfig

ROOT = Path(__file__).parents[3]
MICRO = Encoding(
    "libx264", ".mp4", {"x264-params": "keyint=16:min-keyint=16:scenecut=0:bframes=0:ref=1:weightp=0:threads=1"}
)
Micro = Callable[[Motion], Path]


@pytest.fixture(scope="session")
def real() -> Path:
    cv2.setNumThreads(1)
    return ROOT / "tests/clips"


@pytest.fixture(scope="session")
def audit_settings() -> AuditConfig:
    return AuditConfig.model_validate(config.read(ROOT / "params.yaml")["audit"])


@pytest.fixture(scope="session")
def settings() -> ExtractConfig:
    return ExtractConfig.model_validate(config.read(ROOT / "params.yaml")["extract"])


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Micro:
    """Writes a clip of 49 pictures of 96 x 96 whose motion is known."""
    folder = tmp_path_factory.mktemp("micro")

    def clip(motion: Motion) -> Path:
        path = folder / f"{motion}.mp4"
        if not path.exists():
            write(render(motion, width=96, height=96, num_frames=49, seed=2), path, MICRO, rate_fps=12)
        return path

    return clip
