"""From answers to the numbers of the report."""

import polars as pl
import pytest

from codecsense.evaluation.statistics import Resampling
from codecsense.report import tables
from codecsense.report.tables import Variant

RESAMPLING = Resampling(draws=300, seed=0, confidence=0.95)
CLIPS = [f"test_{number:05d}" for number in range(30)]


def answers(run: str, *, hidden: float, static: float = 1.0, mode: str = "direct", context: int = 100) -> pl.DataFrame:
    """Two static and ten hidden questions a clip; the given share of each is right, the same ones in every run."""
    rows = []
    for clip in CLIPS:
        for kind, total, share in (("static", 2, static), ("hidden", 10, hidden)):
            for number in range(total):
                right = number < round(share * total)
                predicted = "yes" if right else "no"
                cells = {"run": run, "mode": mode, "question_id": f"{clip}_{kind}_{number}", "clip_id": clip}
                cells |= {"type": kind, "kind": "spin" if number % 2 else "way", "gold": "yes", "response": predicted}
                rows.append({**cells, "predicted": predicted, "correct": right, "context_tokens": context})
    return pl.DataFrame(rows)


@pytest.fixture
def both() -> pl.DataFrame:
    return tables.together([answers("anchors", hidden=0.3), answers("full", hidden=0.8, context=160)])


def test_every_variant_has_its_accuracy_on_every_type_and_on_all(both: pl.DataFrame):
    found = tables.accuracies(both, RESAMPLING).filter(pl.col("run") == "full")
    assert found["type"].to_list() == ["static", "hidden", "all"]
    assert found["accuracy"].to_list() == pytest.approx([1.0, 0.8, (2 + 8) / 12])
    assert found["questions"].to_list() == [60, 300, 360]
    assert set(found["context_tokens"]) == {160}


def test_a_difference_is_the_first_run_minus_the_second(both: pl.DataFrame):
    pair = (Variant("full", "direct"), Variant("anchors", "direct"))
    estimate = tables.difference(both, *pair, kind="hidden", resampling=RESAMPLING)
    assert estimate.value == pytest.approx(0.5)
    assert estimate.decided


def test_every_run_but_the_one_compared_with_has_a_row_per_type(both: pl.DataFrame):
    found = tables.differences(both, against="full", resampling=RESAMPLING)
    assert found.select("run", "type").rows() == [("anchors", "static"), ("anchors", "hidden"), ("anchors", "all")]
    assert found["difference"].to_list() == pytest.approx([0, -0.5, -150 / 360])
    assert found["decided"].to_list() == [False, True, True]
    assert found["only_second"].to_list() == [0, 150, 150]


def test_a_variant_of_another_mode_is_compared_within_its_mode_where_that_is_possible():
    frames = [
        answers("full", hidden=0.5),
        answers("full", hidden=0.6, mode="two_stage"),
        answers("vanao", hidden=0.9, mode="two_stage"),
    ]
    found = tables.differences(tables.together(frames), against="full", resampling=RESAMPLING)
    row = found.row(by_predicate=(pl.col("run") == "vanao") & (pl.col("type") == "hidden"), named=True)
    assert row["against_mode"] == "two_stage"
    assert row["difference"] == pytest.approx(0.3)


def test_runs_that_answered_different_questions_are_not_put_in_one_table():
    fewer = answers("full", hidden=0.8).filter(pl.col("clip_id") != CLIPS[3])
    with pytest.raises(
        ValueError, match=r"`full` and `anchors` did not answer the same static questions \(58 and 60.*-f"
    ):
        tables.together([answers("anchors", hidden=0.3), fewer])


def test_an_unknown_run_is_answered_with_those_there_are(both: pl.DataFrame):
    pair = (Variant("fulll", "direct"), Variant("full", "direct"))
    with pytest.raises(ValueError, match="no answers of `fulll`; there are: anchors, full"):
        tables.difference(both, *pair, kind="hidden", resampling=RESAMPLING)


def test_the_most_frequent_training_answer_of_a_kind_is_what_a_blind_guess_reaches(both: pl.DataFrame):
    train = [("hidden", "way", "yes")] * 3 + [("hidden", "way", "no")] * 2 + [("hidden", "spin", "no")]
    questions = pl.DataFrame(train, schema=["type", "kind", "answer"], orient="row").with_columns(split=pl.lit("train"))
    found = tables.prior(questions, tables.of(both, Variant("full", "direct")))
    assert found["hidden"] == pytest.approx(0.5)  # every way, no spin
    assert found["static"] == 0  # never seen in training


def test_kinds_are_told_apart_within_their_type(both: pl.DataFrame):
    found = tables.by_kind(both).filter(pl.col("run") == "anchors", pl.col("type") == "hidden")
    assert dict(found.select("kind", "accuracy").iter_rows()) == pytest.approx({"way": 0.4, "spin": 0.2})
