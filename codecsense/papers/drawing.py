"""The figures of a group, as SVG: bars with intervals, accuracy against tokens, or a curve over what was varied.

What the paper reports stands in a panel of its own: another model on other questions shares no axis with ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codecsense.papers.groups import Group
from codecsense.papers.results import Number
from codecsense.report.figures import ACCENT, INK, QUIET, SERIES, STYLE, as_svg


def draw(group: Group, numbers: Sequence[Number]) -> str:
    """The figure that the group asks for; ValueError if it asks for none or has no numbers."""
    if not numbers:
        raise ValueError(f"`{group.title}` has no numbers to draw")
    kinds = {"bars": _bars, "frontier": _frontier, "curve": _curve}
    if group.figure not in kinds:
        raise ValueError(f"`{group.title}` asks for no figure of its numbers")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, max(2.4, 0.9 + 0.28 * len(group.rows))), layout="constrained")
        kinds[group.figure](figure, group, numbers)
        return as_svg(figure)


def draw_gates(title: str, shares: pl.DataFrame) -> str:
    """What passes of each stream, a bar per kind of action; shares of a kind add up to one."""
    kinds = shares["kind"].unique(maintain_order=True).to_list()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 0.9 + 0.34 * len(kinds)), layout="constrained")
        axes = figure.subplots()
        left = [0.0] * len(kinds)
        for stream, colour in zip(shares["stream"].unique(maintain_order=True), SERIES, strict=False):
            mine = dict(shares.filter(pl.col("stream") == stream).select("kind", "share").iter_rows())
            widths = [100 * mine[kind] for kind in kinds]
            axes.barh(kinds, widths, left=left, color=colour, alpha=0.75, height=0.6, label=stream)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        axes.set_title(title)
        axes.set_xlabel("share of each stream that passes the gates (%)")
        axes.invert_yaxis()
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return as_svg(figure)


def _bars(figure: Figure, group: Group, numbers: Sequence[Number]) -> None:
    """A panel per kind of question and one per reported column, all with the same rows."""
    printed = group.table()
    names = list(group.rows)
    panels = figure.subplots(1, len(group.shown) + len(group.columns), sharey=True, squeeze=False)[0]
    for axes, shown in zip(panels, group.shown, strict=False):
        for number in numbers:
            if number.shown == shown:
                colour = ACCENT if number.row == group.against else QUIET
                _bar(axes, names.index(number.row), number, colour)
        axes.set_title(shown.label)
        axes.set_xlabel("accuracy (%)")
        axes.set_xlim(0, 102)
    for axes, column in zip(panels[len(group.shown) :], group.columns, strict=True):
        assert printed is not None
        for place, row in enumerate(group.rows.values()):
            value = printed.rows[row.reported].get(column) if row.reported else None
            if isinstance(value, (int, float)):
                axes.plot(value, place, "D", color=INK, markersize=4, markerfacecolor="none")
        axes.set_title(f"{column.replace('_', ' ')}, reported")
        axes.margins(x=0.2)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    for axes in panels:
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)


def _bar(axes: Axes, place: int, number: Number, colour: str) -> None:
    value, low, high = (100 * each for each in number.accuracy)
    axes.barh(place, value, height=0.55, color=colour, alpha=0.35)
    axes.plot([low, high], [place, place], color=colour, linewidth=1.4)
    axes.plot(value, place, "o", color=colour, markersize=4)


def _frontier(figure: Figure, group: Group, numbers: Sequence[Number]) -> None:
    """Accuracy on the first kind of question against tokens of context; to the left and up is better."""
    axes = figure.subplots()
    for number in numbers:
        if number.shown == group.shown[0]:
            value, low, high = (100 * each for each in number.accuracy)
            colour = ACCENT if number.row == group.against else INK
            style: dict[str, Any] = {"fmt": "o", "color": colour, "elinewidth": 0.9, "markersize": 4.5}
            axes.errorbar(number.context_tokens, value, yerr=[[value - low], [high - value]], **style)
            where: dict[str, Any] = {"xytext": (5, 4), "textcoords": "offset points", "fontsize": 7.5, "color": colour}
            axes.annotate(number.row, (number.context_tokens, value), **where)
    axes.set_xlabel("tokens of context, mean over questions")
    axes.set_ylabel(f"accuracy on {group.shown[0].label} questions (%)")
    axes.grid(visible=True)


def _curve(figure: Figure, group: Group, numbers: Sequence[Number]) -> None:
    """Accuracy over what was varied, a line per run that was, for the first kind of question; reported beside it."""
    printed = group.table() if group.columns else None
    panels = figure.subplots(1, 1 + (printed is not None), squeeze=False)[0]
    lines: dict[str, list[Number]] = {}
    for number in numbers:
        row = group.rows[number.row]
        if number.shown == group.shown[0] and row.at is not None:
            lines.setdefault(row.line, []).append(number)
    for (name, found), colour in zip(lines.items(), SERIES * 3, strict=False):
        found = sorted(found, key=lambda each: _at(group, each.row))
        places = [_at(group, number.row) for number in found]
        values = [[100 * each for each in number.accuracy] for number in found]
        panels[0].plot(places, [value[0] for value in values], "o-", color=colour, label=name, markersize=4)
        panels[0].fill_between(
            places,
            [value[1] for value in values],
            [value[2] for value in values],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    panels[0].set_ylabel(f"accuracy on {group.shown[0].label} questions (%)")
    if any(lines):
        panels[0].legend(fontsize=7)
    if printed is not None:
        _reported_curve(panels[1], group, printed.rows)
    for axes in panels:
        axes.set_xlabel(group.axis)
        axes.grid(visible=True)


def _reported_curve(axes: Axes, group: Group, rows: Mapping[str, Mapping[str, Any]]) -> None:
    for column, colour in zip(group.columns, SERIES, strict=False):
        points = [
            (row.at, rows[row.reported][column])
            for row in group.rows.values()
            if row.reported and row.at is not None and column in rows[row.reported]
        ]
        if points:
            axes.plot(*zip(*sorted(points), strict=True), "D--", color=colour, markerfacecolor="none", label=column)
    axes.set_title("reported")
    axes.legend(fontsize=7)


def _at(group: Group, row: str) -> float:
    at = group.rows[row].at
    assert at is not None
    return at
