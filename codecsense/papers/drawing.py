"""The figures of a group, as SVG: bars with intervals, accuracy against tokens, or a curve over what was varied.

What the paper reports stands in a panel of its own: another model on other questions shares no axis with ours.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codecsense.papers.groups import Group
from codecsense.papers.results import QUANTILES, Number
from codecsense.report.figures import ACCENT, INK, QUIET, RULE, SERIES, STYLE, as_svg

COSTS = ("context", "seconds")  # how reported columns begin that are no accuracies
LINES_OF_NAMES = 15  # that fit beside a panel
DOUBLINGS = 8.0  # from the first to the last of an axis, from which on it is drawn in doublings


class Point(NamedTuple):
    """An accuracy in per cent at so many tokens, and its name."""

    tokens: float
    value: float
    name: str
    colour: str


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


def draw_gates(title: str, spread: pl.DataFrame) -> str:
    """How much of each stream passes, a box per kind of action and stream, from what `results.spread` says."""
    kinds = spread["kind"].unique(maintain_order=True).to_list()
    streams = spread["stream"].unique(maintain_order=True).to_list()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 0.9 + 0.18 * (len(streams) + 1) * len(kinds)), layout="constrained")
        axes = figure.subplots()
        for lane, (stream, colour) in enumerate(zip(streams, SERIES, strict=False)):
            boxes = [_box(row) for row in spread.filter(pl.col("stream") == stream).iter_rows(named=True)]
            places = [kinds.index(box["label"]) + 0.24 * (lane - (len(streams) - 1) / 2) for box in boxes]
            _boxes(axes, boxes, places, colour)
            axes.plot([], [], color=colour, linewidth=6, alpha=0.6, label=stream)
        axes.set_title(title)
        axes.set_xlabel("share of each stream that passes the gates (%)")
        axes.set_xlim(-2, 102)
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_ylim(len(kinds) - 0.5, -0.5)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return as_svg(figure)


def _box(row: Mapping[str, Any]) -> dict[str, Any]:
    """What matplotlib wants to know of a box."""
    low, first, middle, third, high = (100 * row[f"p{part}"] for part in QUANTILES)
    return {"label": row["kind"], "whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high}


def _boxes(axes: Axes, boxes: Sequence[dict[str, Any]], places: Sequence[float], colour: str) -> None:
    line = {"color": colour, "linewidth": 1.2}
    axes.bxp(
        boxes,
        positions=places,
        widths=0.16,
        orientation="horizontal",
        showfliers=False,
        showcaps=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "edgecolor": colour, "alpha": 0.6},
        whiskerprops=line,
        medianprops={"color": INK, "linewidth": 1.2},
        manage_ticks=False,
    )


def _bars(figure: Figure, group: Group, numbers: Sequence[Number]) -> None:
    """A panel per kind of question and one per reported column, all with the same rows."""
    printed = group.table()
    names, count = list(group.rows), len(group.shown) + len(group.columns)
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    wide = max(8, 66 // count)  # letters of a title
    for axes, shown in zip(panels, group.shown, strict=False):
        for number in numbers:
            if number.shown == shown:
                colour = ACCENT if number.row == group.against else QUIET
                _bar(axes, names.index(number.row), number, colour)
        axes.set_title(textwrap.fill(shown.label, wide), fontsize=8.5)
        axes.set_xlabel("ours (%)")
        axes.set_xlim(0, 102)
    for axes, column in zip(panels[len(group.shown) :], group.columns, strict=True):
        assert printed is not None
        for place, row in enumerate(group.rows.values()):
            value = printed.rows[row.reported].get(column) if row.reported else None
            if isinstance(value, (int, float)):
                axes.plot(value, place, "D", color=INK, markersize=4, markerfacecolor="none")
        axes.set_title(textwrap.fill(column.replace("_", " "), wide), fontsize=8.5, color=QUIET)
        axes.set_xlabel("as reported")
        axes.margins(x=0.25)
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
    printed = group.table() if {"video_mme", "context_k"} <= set(group.columns) else None
    panels = figure.subplots(1, 1 + (printed is not None), squeeze=False)[0]
    points = []
    for number in numbers:
        if number.shown == group.shown[0]:
            value, low, high = (100 * each for each in number.accuracy)
            colour = ACCENT if number.row == group.against else INK
            style: dict[str, Any] = {"fmt": "o", "color": colour, "elinewidth": 0.9, "markersize": 4.5}
            panels[0].errorbar(number.context_tokens, value, yerr=[[value - low], [high - value]], **style)
            points.append(Point(number.context_tokens, value, number.row, colour))
    _names_beside(panels[0], points)
    panels[0].set_title("ours, the micro world")
    panels[0].set_xlabel("tokens of context, mean over questions")
    panels[0].set_ylabel(f"accuracy on {group.shown[0].label} questions (%)")
    if printed is not None:
        cells = {name: printed.rows[row.reported] for name, row in group.rows.items() if row.reported}
        told = [Point(cell["context_k"], cell["video_mme"], name, QUIET) for name, cell in cells.items()]
        for point in told:
            panels[1].plot(point.tokens, point.value, "D", color=INK, markersize=4, markerfacecolor="none")
        _names_beside(panels[1], told)
        panels[1].set_title("as reported")
        panels[1].set_xlabel("thousands of tokens of context")
        panels[1].set_ylabel("Video-MME (%)")
    for axes in panels:
        axes.grid(visible=True)
        axes.set_axisbelow(True)


def _names_beside(axes: Axes, points: Sequence[Point]) -> None:
    """Names at the right edge, in the order of their values, with a line to each point and none upon another."""
    axes.margins(x=0.06, y=0.08)
    (low, high), (left, right) = axes.get_ylim(), axes.get_xlim()
    step, height = (high - low) / LINES_OF_NAMES, low - (high - low)
    stacked = []
    for point in sorted(points, key=lambda each: each.value):
        height = max(point.value, height + step)
        stacked.append(height)
    over = max(0.0, max(stacked, default=high) - high)
    for place in reversed(range(len(stacked))):  # what does not fit under the edge is moved down, as far as it must
        above = stacked[place + 1] - step if place + 1 < len(stacked) else high
        stacked[place] = min(stacked[place], above) if over else stacked[place]
    line = {"arrowstyle": "-", "color": RULE, "linewidth": 0.7, "shrinkB": 4}
    for point, height in zip(sorted(points, key=lambda each: each.value), stacked, strict=True):
        text = (right + 0.05 * (right - left), height)
        style: dict[str, Any] = {"color": point.colour, "fontsize": 7.5, "va": "center", "annotation_clip": False}
        axes.annotate(point.name, (point.tokens, point.value), xytext=text, arrowprops=line, **style)
    axes.set(xlim=(left, right), ylim=(low, high))


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
        low, high = ([value[bound] for value in values] for bound in (1, 2))
        panels[0].fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    panels[0].set_title("ours, the micro world")
    panels[0].set_ylabel(f"accuracy on {group.shown[0].label} questions (%)")
    panels[0].set_xlabel(group.axis)
    _ticks(panels[0], [_at(group, number.row) for found in lines.values() for number in found])
    if len(lines) > 1:
        panels[0].legend(fontsize=7)
    if printed is not None:
        _reported_curve(panels[1], group, printed.rows)
    for axes in panels:
        axes.grid(visible=True)


def _reported_curve(axes: Axes, group: Group, rows: Mapping[str, Mapping[str, Any]]) -> None:
    told = [(row.at, rows[row.reported]) for row in group.rows.values() if row.reported and row.at is not None]
    for column, colour in zip([each for each in group.columns if not each.startswith(COSTS)], SERIES, strict=False):
        points = sorted((at, cells[column]) for at, cells in told if column in cells)
        label = column.replace("_", " ")
        axes.plot(*zip(*points, strict=True), "D--", color=colour, markersize=5, markerfacecolor="none", label=label)
    axes.set_title("as reported")
    axes.set_ylabel("per cent")
    _ticks(axes, [at for at, _ in told])
    axes.set_xlabel(group.axis)
    axes.legend(fontsize=7)


def _ticks(axes: Axes, places: Sequence[float]) -> None:
    """A tick at every point; in doublings where they reach far."""
    at = sorted(set(places))
    if at and at[0] > 0 and at[-1] / at[0] >= DOUBLINGS:
        axes.set_xscale("log", base=2)
    axes.set_xticks(at, [f"{each:g}" for each in at])
    axes.minorticks_off()


def _at(group: Group, row: str) -> float:
    at = group.rows[row].at
    assert at is not None
    return at
