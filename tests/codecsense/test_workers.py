"""A file that crashes or hangs its decoder costs itself alone."""

import os
import signal
import time

import pytest

from codecsense.workers import At, Blamed, run_units

UNITS = [("first", ["good", "bad", "better"]), ("second", ["fine"])]
Unit = tuple[str, list[str]]


def crashing(unit: Unit, blamed: Blamed, at: At) -> dict[str, str]:
    found = {}
    for item in unit[1]:
        at(item)
        if item in blamed:
            found[item] = blamed[item]
            continue
        if item == "bad":
            os.kill(os.getpid(), signal.SIGSEGV)
        found[item] = "read"
    return found


def hanging(unit: Unit, blamed: Blamed, at: At) -> dict[str, str]:
    for item in unit[1]:
        at(item)
        if item == "bad" and item not in blamed:
            time.sleep(60)
    return dict(blamed)


def failing(unit: Unit, blamed: Blamed, at: At) -> None:
    raise KeyError("a mistake of ours")


def test_a_crash_is_blamed_on_the_item_and_the_rest_of_the_unit_is_done():
    found = dict(run_units_by_name(crashing))
    assert found == {
        "first": {"good": "read", "bad": "the decoder crashed (SIGSEGV)", "better": "read"},
        "second": {"fine": "read"},
    }


def test_an_item_that_takes_too_long_is_blamed_and_left_out():
    found = dict(run_units_by_name(hanging, limit_s=1.5))
    assert found == {"first": {"bad": "the decoder took longer than 1.5 s"}, "second": {}}


def test_a_mistake_of_ours_stops_everything_and_says_where():
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        list(run_units(UNITS, failing, num_workers=1, limit_s=60))


def run_units_by_name(work: object, limit_s: float = 60.0) -> list[tuple[str, object]]:
    return [(unit[0], result) for unit, result in run_units(UNITS, work, num_workers=2, limit_s=limit_s)]
