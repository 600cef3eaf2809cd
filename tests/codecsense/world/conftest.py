"""A small world: the shipped one with fewer clips."""

from pathlib import Path

import pytest

from codecsense import config
from codecsense.schemas import from_rows
from codecsense.schemas.facts import Facts
from codecsense.schemas.sounds import Sounds
from codecsense.world import WorldConfig
from codecsense.world.questions import Clip, clips
from codecsense.world.quiz import DatasetConfig
from codecsense.world.script import Script, facts, scripts, sounds

SHIPPED = config.read(Path(__file__).parents[3] / "params.yaml")


@pytest.fixture(scope="session")
def world() -> WorldConfig:
    splits = {
        "train": {"clips": 140, "first_seed": 0},
        "validation": {"clips": 30, "first_seed": 1000},
        "test": {"clips": 50, "first_seed": 2000},
    }
    return WorldConfig.model_validate(SHIPPED["world"] | {"splits": splits})


@pytest.fixture(scope="session")
def dataset() -> DatasetConfig:
    return DatasetConfig.model_validate(SHIPPED["dataset"])


@pytest.fixture(scope="session")
def all_scripts(world: WorldConfig) -> list[Script]:
    return scripts(world)


@pytest.fixture(scope="session")
def all_clips(all_scripts: list[Script]) -> list[Clip]:
    seen = from_rows(Facts, [row for script in all_scripts for row in facts(script)])
    heard = from_rows(Sounds, [row for script in all_scripts for row in sounds(script)])
    return clips(seen, heard)
