"""Progress away from a terminal: all items, few lines."""

import pytest

from codecsense import progress


def test_every_item_comes_through_in_order():
    assert list(progress.track(range(5), label="counting")) == [0, 1, 2, 3, 4]


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str]):
    list(progress.track(range(1000), label="counting"))
    assert capsys.readouterr().out == ""


def test_long_work_says_how_far_it_is_and_counts_what_an_earlier_run_had_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    list(progress.track(iter("ab"), label="extract", total=5, done=3))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["extract: 4/5", "extract: 5/5", "extract: 5/5"]
    assert "left" in lines[0]
