"""Which arithmetic gives which of the report's context lengths."""

import pytest

from codecsense.papers.commands import REPORTED
from codecsense.report import context
from codecsense.report.context import Line, ReportedContext
from codecsense.sequence import Layout, Specials, prefix

TOKENS = Specials(vision_start=1, vision_end=2, image_pad=3, motion_pad=4, audio_pad=5, end=6)


@pytest.fixture(scope="module")
def claims() -> ReportedContext:
    return context.reported(REPORTED)


@pytest.fixture(scope="module")
def lines(claims: ReportedContext) -> list[Line]:
    return context.lines(claims)


def test_the_dense_baseline_is_thirty_two_pictures_and_nothing_else(lines: list[Line]):
    assert lines[0].what == "32 dense frames"
    assert lines[0].left == pytest.approx(0)


def test_eight_anchors_alone_are_what_the_dense_baseline_makes_of_a_picture(lines: list[Line]):
    """11.2k is printed to a hundred tokens."""
    assert lines[1].what == "8 anchors alone"
    assert abs(lines[1].left) < 50


def test_the_formula_gives_neither_of_the_two_claims(lines: list[Line]):
    """8 pictures and 7 x 64 tokens are 11.6k."""
    ours = {line.printed: line for line in lines if line.what.startswith("tri-stream")}
    assert sorted(ours) == [12200, 16200]
    assert ours[12200].pictures + ours[12200].motion == pytest.approx(11623)
    assert ours[12200].left == pytest.approx(577)
    assert ours[16200].left == pytest.approx(4577)


def test_the_cost_of_the_formula_is_that_of_our_sequences(claims: ReportedContext):
    """8 anchors of 4 x 4 tokens and 7 intervals of 64, laid as the model lays them."""
    laid = prefix(Layout(anchors=8, grid=4, motion_tokens=64, audio_tokens=0), TOKENS)
    assert len(laid.ids) == 8 * (16 + context.MARKS) + 7 * 64


def test_what_is_said_of_the_claims_follows_from_the_printed_tables(claims: ReportedContext):
    said = context.remarks(claims)
    assert said[0].startswith("dense 44.7k is 32 pictures of 1397 tokens, marks included: 1260x868")
    assert "8 anchors and 7 intervals of 64 are 11.6k" in said[1]
    assert said[2] == "12.2k is 8 pictures and 1025 tokens: 16.0 intervals of 64, or 128 tokens for each of 8"
    assert said[3] == "16.2k is 8 pictures and 5025 tokens: 78.5 intervals of 64, or 628 tokens for each of 8"
    assert "it is nearest to 8 intervals of K, not 7" in said[4]
    assert "a picture and no interval" in said[5]


def test_a_resolution_is_one_whose_pictures_cost_what_is_printed(claims: ReportedContext):
    for wide, high in context.resolutions(claims):
        tokens = 32 * ((wide // 28) * (high // 28) + context.MARKS)
        assert round(tokens / 1e3, 1) == claims.dense


def test_a_straight_line_through_a_table_is_found():
    assert context.slope({1: 3.0, 2: 5.0, 4: 9.0}) == pytest.approx((2000, 1000))
