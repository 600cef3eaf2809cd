"""Figures and what is drawn in them."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from codecsense.report import figures, sections

ROWS = [
    {"run": run, "mode": "direct", "type": kind, "accuracy": 0.5, "low": 0.4, "high": 0.6, "context_tokens": 100.0}
    for run in ("anchors", "mv", "full")
    for kind in ("static", "hidden", "all")
]


@pytest.fixture
def found() -> pl.DataFrame:
    return pl.DataFrame(ROWS)


@pytest.fixture
def variants(found: pl.DataFrame) -> list[figures.Row]:
    labels = {(run, "direct"): run for run in ("anchors", "mv", "full")}
    return figures.rows(found, labels, ["full", "anchors"])


def test_the_base_has_the_accent_and_what_it_is_held_against_the_ink(variants: list[figures.Row]):
    assert [row.colour for row in variants] == [figures.INK, figures.QUIET, figures.ACCENT]


def test_figures_are_well_formed_and_the_same_bytes_for_the_same_numbers(
    found: pl.DataFrame, variants: list[figures.Row]
):
    prior = {"static": 0.2, "hidden": 0.3}
    once, twice = (figures.by_type(found, variants, prior, confidence=0.95) for _ in range(2))
    assert once == twice
    ElementTree.fromstring(once)
    ElementTree.fromstring(figures.against_context(found, variants, kind="hidden"))


def test_names_in_the_margin_never_stand_upon_another_nor_above_the_frame():
    heights = figures._apart([10, 50, 50, 50, 99], step=4, ceiling=100)
    assert all(above - below >= 4 for below, above in pairwise(heights))
    assert max(heights) <= 100
    assert heights[0] == 10


def test_curves_are_found_by_part_and_run_and_a_run_of_no_steps_has_none(tmp_path: Path):
    for run, part, text in [
        ("full", "align", "step,loss\n0,4.0\n1,2.0\n"),
        ("full", "checkpoint", "step,loss\n0,1.0\n"),
        ("anchors", "align", "\n"),
        ("vanao", "checkpoint", "step,loss,accuracy\n0,0.0,0.5\n"),
    ]:
        folder = tmp_path / run / part
        folder.mkdir(parents=True)
        (folder / "curve.csv").write_text(text)
    found = sections.read_curves(tmp_path, ["vanao"])
    assert found == {
        sections.STAGE_1: {"full": [(0.0, 4.0), (1.0, 3.0)]},
        sections.STAGE_2: {"full": [(0.0, 1.0)]},
        sections.POLICY: {"vanao": [(0.0, 0.5)]},
    }


def test_timings_come_in_the_order_in_which_stages_started(tmp_path: Path):
    (tmp_path / "b.json").write_text('{"stage": "b", "started": "2026-01-01T10:00:00+00:00"}')
    (tmp_path / "a.json").write_text('{"stage": "a", "started": "2026-01-01T11:00:00+00:00"}')
    (tmp_path / ".c.json").write_text("half a file")
    assert [each["stage"] for each in sections.read_timings(tmp_path)] == ["b", "a"]
    assert sections.read_timings(tmp_path / "none") == []
