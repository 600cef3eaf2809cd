"""GPU hours before anything is submitted."""

from pathlib import Path

import pytest

from codecsense import config
from codecsense.papers import costs
from codecsense.training.estimate import Estimate, Tokens

VALUES = config.read(Path(__file__).parents[3] / "params.yaml")


def test_a_tiny_host_needs_no_gpu():
    assert costs.hours(VALUES, ["sft@full"]) == costs.NONE


def test_a_step_costs_what_its_weights_and_tokens_cost():
    found = Estimate(
        tokens=Tokens(pictures=11_000, motion=448, sound=0, frame=16, text=256),
        dense_tokens=45_000,
        frozen_weights=8_000_000_000,
        trained_weights=0,
        bytes_per_gpu={},
        cached_bytes_per_video=0,
    )
    kept, again = (costs.step_hours(found, checkpointing=each) for each in (False, True))
    assert again == pytest.approx(1.5 * kept)
    assert again * 3600 == pytest.approx(11_720 * 6 * 8e9 / (costs.OPERATIONS_PER_S * costs.USED))
