"""The table of several seeds."""

import pytest

from flows import seeds


def test_a_promise_that_one_seed_breaks_is_said_in_its_cell():
    promises = {
        "0": {"tells": {"value": 0.541, "low": 0.526, "high": 0.555, "holds": True}},
        "1": {"tells": {"value": 0.121, "low": 0.1, "high": 0.14, "holds": False}},
    }
    assert seeds.table(promises).splitlines() == [
        "| promise | seed 0 | seed 1 |",
        "| :-- | --: | --: |",
        "| tells | 54.1 [52.6, 55.5] | 12.1 [10.0, 14.0], does not hold |",
    ]


def test_a_seed_that_is_no_number_is_answered_with_the_usage(capsys: pytest.CaptureFixture[str]):
    assert seeds.main(["one"]) == 1
    assert "usage: python -m flows.seeds SEED ..." in capsys.readouterr().err
