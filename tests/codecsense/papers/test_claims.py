"""Claims as statements that can fail."""

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from codecsense import config
from codecsense.evaluation.statistics import Estimate
from codecsense.papers import claims, groups
from codecsense.report.sheets import markdown

sys.path.insert(0, str(Path(__file__).parent))
import made_answers

ROOT = Path(__file__).parents[3]
CLAIM: dict[str, Any] = {
    "claim": "Motion tells more",
    "where": "table 1",
    "terms": {"full": 1, "anchors": -1},
    "shown": {"type": "hidden"},
    "seeds": [0, 1, 2, 3, 4],
}


def settled(full: list[float], anchors: list[float], **changes: Any) -> claims.Settled:
    answers = {"full": made_answers.seeded("full", full), "anchors": made_answers.seeded("anchors", anchors)}
    claim = claims.Claim.model_validate(CLAIM | changes)
    return claims.settle(claim, answers, confidence=0.95, cpu_minutes=2.0, commit="abc1234")


@pytest.mark.parametrize(
    ("full", "anchors", "verdict"),
    [
        ([0.9, 0.9, 0.85, 0.9, 0.95], [0.4, 0.35, 0.4, 0.4, 0.4], "supported"),
        ([0.4, 0.35, 0.4, 0.4, 0.4], [0.9, 0.9, 0.85, 0.9, 0.95], "contradicted"),
        ([0.9, 0.4, 0.5, 0.6, 0.3], [0.5, 0.5, 0.5, 0.5, 0.5], "undecided"),
    ],
)
def test_the_verdict_is_what_the_interval_allows(full: list[float], anchors: list[float], verdict: str):
    found = settled(full, anchors)
    assert found.verdict == verdict
    assert found.found.value == pytest.approx(sum(full) / 5 - sum(anchors) / 5, abs=0.02)


def test_alike_means_that_the_whole_interval_is_near_zero():
    assert settled([0.5] * 5, [0.5] * 5, near=0.03).verdict == "supported"
    assert settled([0.9] * 5, [0.5] * 5, near=0.03).verdict == "contradicted"


@pytest.mark.parametrize(
    ("low", "high", "near", "verdict"),
    [
        (0.01, 0.2, None, "supported"),
        (0.0, 0.2, None, "undecided"),
        (-0.2, -0.01, None, "contradicted"),
        (-0.02, 0.02, 0.03, "supported"),
        (-0.04, 0.02, 0.03, "undecided"),
        (0.031, 0.05, 0.03, "contradicted"),
    ],
)
def test_an_interval_on_the_border_decides_nothing(low: float, high: float, near: float | None, verdict: str):
    assert claims.verdict(Estimate((low + high) / 2, low, high), near) == verdict


def test_a_contrast_over_two_worlds_is_the_difference_of_their_differences():
    terms = {"full@long": 1, "anchors@long": -1, "full": -1, "anchors": 1}
    rights = {"full@long": [0.9] * 5, "anchors@long": [0.4] * 5, "full": [0.6] * 5, "anchors": [0.4] * 5}
    answers = {term: made_answers.seeded(term, right) for term, right in rights.items()}
    claim = claims.Claim.model_validate(CLAIM | {"terms": terms})
    assert claim.runs() == {"long": ["full", "anchors"], "shared": ["full", "anchors"]}
    found = claims.settle(claim, answers, confidence=0.95, cpu_minutes=0.0, commit="abc1234")
    assert found.found.value == pytest.approx(0.3)
    assert found.by_seed == pytest.approx([0.3] * 5)


def test_in_two_stages_every_seed_is_paired_over_the_questions_it_was_asked():
    answers = {
        run: [frame[seed::2] for seed, frame in enumerate(made_answers.seeded(run, [right] * 5, mode="two_stage"))]
        for run, right in (("full", 0.9), ("anchors", 0.4))
    }
    claim = claims.Claim.model_validate(CLAIM | {"mode": "two_stage"})
    found = claims.settle(claim, answers, confidence=0.95, cpu_minutes=0.0, commit="abc1234")
    assert found.found.value == pytest.approx(0.5, abs=0.05)
    assert found.verdict == "supported"
    direct = claims.Claim.model_validate(CLAIM)
    told = {run: [frame.with_columns(mode=pl.lit("direct")) for frame in frames] for run, frames in answers.items()}
    with pytest.raises(ValueError, match="the seeds did not answer the same questions"):
        claims.settle(direct, told, confidence=0.95, cpu_minutes=0.0, commit="abc1234")


def test_the_table_says_both_directions_and_what_it_cost():
    better, worse = [0.9] * 5, [0.4] * 5
    text = markdown(claims.sheet([settled(better, worse), settled(worse, better)], confidence=0.95))
    assert "| Motion tells more (table 1) | full less anchors, hidden | +50.0 " in text
    assert "| supported | 2 | abc1234 |" in text
    assert "| contradicted | 2 | abc1234 |" in text


def test_a_claim_that_was_not_run_says_so_and_nothing_else():
    claim = claims.Claim.model_validate(CLAIM)
    (line,) = [line for line in markdown(claims.sheet([claim], confidence=0.95)).splitlines() if "Motion" in line]
    assert line == "| Motion tells more (table 1) | full less anchors, hidden | – | – | not run | – | – |"


def test_what_was_settled_is_remembered_until_the_claim_is_said_otherwise(tmp_path: Path):
    file, found = tmp_path / "claims.json", settled([0.9] * 5, [0.4] * 5)
    assert claims.remembered(file, {"more": found.claim}) == {}
    claims.remember(file, {"more": found})
    assert claims.remembered(file, {"more": found.claim}) == {"more": found}
    otherwise = claims.Claim.model_validate(CLAIM | {"shown": {"type": "static"}})
    assert claims.remembered(file, {"more": otherwise}) == {}
    assert claims.remembered(file, {}) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": [0, 1, 2]}, "at least 5"),
        ({"terms": {"full": 1, "anchors": 1}}, "add up to zero"),
        ({"terms": {"full": 0}}, "two runs or more"),
    ],
)
def test_a_claim_that_cannot_be_settled_is_refused(tmp_path: Path, change: dict[str, Any], message: str):
    file = tmp_path / "claims.yaml"
    file.write_text(yaml.safe_dump({"more": CLAIM | change}))
    with pytest.raises(ValueError, match=f"claim `more`: .*{message}"):
        claims.load(file)


def test_every_shipped_claim_names_runs_and_bases_that_are_there():
    found = groups.load(ROOT / "groups.yaml")
    own = config.read(ROOT / "params.yaml")
    known = own["runs"] | own["rl_runs"]
    runs = set(found.changes(config.read(ROOT / "profiles/adapter_runs.yaml"), known)) | set(known)
    for name, claim in claims.load(ROOT / "claims.yaml").items():
        for base, needed in claim.runs().items():
            assert base == groups.SHARED or base in found.bases, name
            assert set(needed) <= runs, name
