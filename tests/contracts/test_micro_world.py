"""The micro world read back: the maps of every backend show how a script let the ground move."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codecsense import config
from codecsense.codecs.audit import audit_file
from codecsense.codecs.corpus import Entry
from codecsense.codecs.settings import AuditConfig
from codecsense.streams.extraction import backend_for, item_of
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.tristream import extract_video
from codecsense.world import WorldConfig
from codecsense.world.corpus import shoot
from codecsense.world.script import Script, write

VALUES: dict[str, Any] = config.read(Path(__file__).parents[2] / "params.yaml")
WORLD = WorldConfig.model_validate(VALUES["world"])
TOLERANCE_PX = {"native": 0.1, "estimated": 0.3}
STILL = (0, 0)


@pytest.fixture(scope="module")
def script() -> Script:
    """The first clip in whose intervals the ground rests, and moves in two ways."""
    found = (write(WORLD, "test", number) for number in range(WORLD.splits["test"].clips))
    return next(each for each in found if STILL in each.pans and len(set(each.pans)) == len(each.pans))


@pytest.fixture(scope="module")
def clip(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cv2.setNumThreads(1)
    folder = tmp_path_factory.mktemp("world")
    shoot(script, world=WORLD, folder=folder)
    return folder / f"{script.clip_id}.mp4"


@pytest.mark.parametrize("backend", TOLERANCE_PX)
def test_the_ground_moves_as_the_script_says_in_every_interval(script: Script, clip: Path, backend: str):
    row = audit_file(clip.parent, Entry(clip.stem, clip.name), AuditConfig.model_validate(VALUES["audit"]))
    assert row["route"] == "native"
    shipped = VALUES["extract"]
    settings = ExtractConfig.model_validate(shipped | {"codec": shipped["codec"][backend]})
    streams = extract_video(clip, settings, backend_for(settings, item_of(row)), 0).streams
    for number, pan in enumerate(script.pans):
        seen = np.median(streams.mv[number][streams.map_mask[number]].astype(np.float32), axis=(0, 2, 3))
        np.testing.assert_allclose(seen, pan, atol=TOLERANCE_PX[backend])
