"""The page, its sheets and its pictures."""

import re

from codecsense.evaluation.statistics import Estimate
from codecsense.report import page
from codecsense.report.declarations import declarations
from codecsense.report.page import Section
from codecsense.report.sheets import Cell, Sheet, change, markdown, share


def test_a_difference_that_may_be_none_is_shown_faintly_and_never_as_a_gain():
    assert change(Estimate(0.03, -0.01, 0.07)) == Cell("+3.0", "[-1.0, +7.0]", "faint")
    assert change(Estimate(0.03, 0.01, 0.05)).tone == "good"
    assert change(Estimate(-0.03, -0.05, -0.01)).tone == "bad"


def test_an_accuracy_is_shown_in_percent_with_its_interval():
    assert share(Estimate(0.747, 0.729, 0.764)) == Cell("74.7", "[72.9, 76.4]")


def test_a_sheet_in_markdown_keeps_its_columns_whatever_the_cells_hold():
    sheet = Sheet("Runs", ["run", "hidden"], [[Cell("a|b"), Cell("1.0", "[0, 2]")]], note="As run.")
    assert markdown(sheet).splitlines() == [
        "### Runs",
        "",
        "| run | hidden |",
        "| :-- | --: |",
        "| a\\|b | 1.0 [0, 2] |",
        "",
        "As run.",
    ]


def test_the_page_needs_no_network_and_no_script():
    picture = page.svg("drawing", "<svg xmlns='http://www.w3.org/2000/svg'/>", "a caption")
    html = page.as_html("summary", [Section("Results", pictures=[picture], lists=declarations())])
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", html)
    assert "<script" not in html
    assert "@import" not in html


def test_text_on_the_page_is_escaped_and_backticks_become_code():
    sheet = Sheet("Runs of `full`", ["run"], [[Cell("<b>bold</b>")]])
    html = page.as_html("summary", [Section("Results", sheets=[sheet])])
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "Runs of <code>full</code>" in html


def test_everything_declared_stands_on_one_line_each():
    titles = [declared.title for declared in declarations()]
    assert titles == [
        "What favours motion by design",
        "Declared departures from the papers",
        "Assumed, because it is not published",
    ]
    for declared in declarations():
        assert declared.lead.endswith(".")
        assert len(declared.statements) >= 5
        assert all("\n" not in statement and statement.endswith(".") for statement in declared.statements)
