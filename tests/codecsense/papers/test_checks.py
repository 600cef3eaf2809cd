"""The checker finds what is known to contradict itself in HY-Himmel, and nothing where nothing does."""

import copy
from pathlib import Path
from typing import Any

import pytest

from codecsense.papers import checks, contradictions, reading

ROOT = Path(__file__).parents[3]

# A made-up paper whose every number follows from the others; 61 of 100 has Wilson's interval [51.20, 69.98].
MADE_UP: dict[str, Any] = {
    "paper": "made up",
    "measures": ["score", "context_k", "interval", "seconds", "speedup"],
    "statements": [{"where": "text", "quantity": "ours.score", "printed": 61.0, "decimals": 1}],
    "known": [{"where": "the code", "quantity": "ours.context_k", "printed": 10.0, "decimals": 1}],
    "differences": [{"where": "text", "first": "ours.score", "second": "dense.score", "printed": 11.0, "decimals": 1}],
    "ratios": [{"where": "text", "quantity": "ours.speedup", "over": "dense.seconds", "under": "ours.seconds"}],
    "disjoint": [{"where": "text", "first": "ours.interval", "second": "none.interval"}],
    "inert": [{"where": "text", "did": "merged 0", "method": "idle", "over": "dense", "measure": "score"}],
    "proportional": [{"where": "text", "frames": {"ours.context_k": 8, "dense.context_k": 32}}],
    "lora": None,
    "tables": {
        "main": {
            "where": "Table 1",
            "columns": {"correct": 0, "score": 2, "interval": 2, "context_k": 1, "seconds": 1, "speedup": 1},
            "counted": {"score": 100},
            "counts": {"correct": "score"},
            "rows": {
                "dense": {
                    "printed": "Dense",
                    "correct": 50,
                    "score": 50.0,
                    "interval": [40.38, 59.62],
                    "context_k": 40.0,
                    "seconds": 3.0,
                    "speedup": 1.0,
                },
                "idle": {"printed": "Idle", "correct": 50, "score": 50.0, "interval": [40.38, 59.62]},
                "none": {"printed": "None", "correct": 20, "score": 20.0, "interval": [13.34, 28.88]},
                "ours": {
                    "printed": "Ours",
                    "correct": 61,
                    "score": 61.0,
                    "interval": [51.2, 69.98],
                    "context_k": 10.0,
                    "seconds": 1.5,
                    "speedup": 2.0,
                },
            },
        },
        "again": {
            "where": "Table 2",
            "columns": {"score": 0, "gain": 0, "easy": 0, "hard": 0},
            "means": {"score": {"easy": 60, "hard": 40}},
            "gains": {"gain": {"of": "score", "pairs": {"ours": "dense"}}},
            "rows": {
                "dense": {"printed": "Dense", "score": 50, "easy": 60, "hard": 35},
                "ours": {"printed": "Ours", "score": 61, "gain": 11, "easy": 75, "hard": 40},
            },
        },
        "parts": {
            "where": "Table 3",
            "columns": {"weights_m": 1, "share": 1},
            "sums": {"weights_m": "total"},
            "rows": {
                "branch": {"printed": "Branch", "weights_m": 1.5},
                "head": {"printed": "Head", "weights_m": 0.5},
                "total": {"printed": "Total", "weights_m": 2.0},
            },
        },
        "codecs": {
            "where": "Table 4",
            "columns": {"videos": 0, "share": 1},
            "proportions": {"share": "videos"},
            "rows": {
                "h264": {"printed": "H.264", "videos": 2, "share": 66.7},
                "vp9": {"printed": "VP9", "videos": 1, "share": 33.3},
            },
        },
    },
}


def paper(change: str = "", value: object = None) -> reading.Paper:
    """The made-up paper, with one of its values changed."""
    values: Any = copy.deepcopy(MADE_UP)
    if change:
        *path, last = change.split("/")
        place = values
        for key in path:
            place = place[int(key) if isinstance(place, list) else key]
        assert last in place, f"{change} is not in the paper"
        place[last] = value
    return reading.parse(values, "made up")


def test_nothing_is_found_in_a_paper_that_agrees_with_itself():
    assert checks.check(paper()) == []
    assert checks.intervals_that_agree(paper()) == (3, 3)


@pytest.mark.parametrize(
    ("change", "value", "rules"),
    [
        ("tables/main/rows/ours/interval", [51.2, 70.02], {"interval"}),
        ("tables/main/rows/none/interval", [40.0, 60.0], {"interval", "disjoint"}),
        ("tables/main/rows/ours/correct", 62, {"count"}),
        ("tables/main/rows/idle/score", 49.0, {"count", "interval", "never fired"}),
        ("tables/main/rows/ours/speedup", 2.4, {"ratio"}),
        ("tables/main/rows/dense/context_k", 60.0, {"proportional"}),
        ("tables/again/rows/ours/score", 64, {"same quantity", "weighted mean", "difference"}),
        ("tables/again/rows/ours/gain", 13, {"difference"}),
        ("tables/again/rows/dense/hard", 45, {"weighted mean"}),
        ("tables/parts/rows/total/weights_m", 2.3, {"sum"}),
        ("tables/codecs/rows/vp9/share", 33.4, {"share"}),
        ("statements/0/printed", 61.4, {"same quantity"}),
        ("known/0/printed", 12.0, {"same quantity"}),
        ("differences/0/printed", 12.0, {"difference"}),
    ],
)
def test_one_wrong_number_is_found_by_the_rules_it_breaks(change: str, value: object, rules: set[str]):
    assert {found.rule for found in checks.check(paper(change, value))} == rules


@pytest.fixture(scope="module")
def himmel() -> dict[str, list[str]]:
    """The findings on HY-Himmel by rule, each as one line."""
    found: dict[str, list[str]] = {}
    for each in checks.check(reading.load("hy_himmel")):
        found.setdefault(each.rule, []).append(f"{each.where}: {each.says}")
    return found


def test_three_of_fifteen_printed_intervals_are_those_of_their_counts(himmel: dict[str, list[str]]):
    assert checks.intervals_that_agree(reading.load("hy_himmel")) == (15, 3)
    assert len(himmel["interval"]) == 12


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        ("disjoint", ["[59.37, 63.04]", "[61.68, 65.31]"]),
        ("same quantity", ["himmel.context_k", "12.2", "16.2"]),
        ("same quantity", ["dense_32.video_mme_long", "53.4", "62.00"]),
        ("same quantity", ["himmel.anchors_16.video_mme", "64.0", "65.00"]),
        ("same quantity", ["himmel.anchors_32.video_mme", "65.0", "66.00"]),
        ("same quantity", ["decodes", "nothing but anchors", "every picture"]),
        ("sum", ["117.8", "157.6"]),
        ("parameters", ["80.7", "39.8"]),
        ("never fired", ["LOOK-M", "60.9", "61.2"]),
        ("never fired", ["HERMES", "60.9", "61.2"]),
    ],
)
def test_what_is_known_to_contradict_itself_is_found(himmel: dict[str, list[str]], rule: str, parts: list[str]):
    assert any(all(part in line for part in parts) for line in himmel[rule])


def test_nothing_in_hippovlm_contradicts_itself():
    assert checks.check(reading.load("hippovlm")) == []


def test_the_page_of_findings_is_what_the_command_finds():
    page = (ROOT / "docs" / "reported.md").read_text(encoding="utf-8")
    assert page == contradictions.told(reading.papers())


def test_a_row_with_an_unknown_column_is_named():
    values = copy.deepcopy(MADE_UP)
    values["tables"]["main"]["rows"]["ours"]["scoer"] = 1
    with pytest.raises(ValueError, match=r"made up: tables\.main.*row `ours` has \['scoer'\]"):
        reading.parse(values, "made up")


def test_a_paper_that_is_not_kept_is_answered_with_those_that_are():
    with pytest.raises(ValueError, match="there are: hippovlm, hy_himmel"):
        reading.load("himmel")
