"""The figures, as SVG text that is the same bytes for the same numbers.

One palette for the whole report: ink for what is compared with, one accent for the base run, grey for the
rest. Colour repeats what position already says, so nothing is lost in print.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from codecsense.report.tables import ALL

INK, QUIET, ACCENT, RULE = "#1f2430", "#7a8194", "#c2410c", "#d9dce3"
SERIES = ("#c2410c", "#0f6e84", "#6b4fa0", "#3f7d20", "#b58900", "#1f2430")
STYLE: Any = {  # names and values as matplotlib's rcParams knows them
    "svg.hashsalt": "codecsense",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": QUIET,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


class Row(NamedTuple):
    """One variant as the figures name and colour it."""

    label: str
    run: str
    mode: str
    colour: str


def rows(found: pl.DataFrame, labels: Mapping[tuple[str, str], str], against: Sequence[str]) -> list[Row]:
    """The variants of the table in its order; the first of `against` takes the accent, the others the ink."""
    pairs = found.select("run", "mode").unique(maintain_order=True).iter_rows()
    colours = {**dict.fromkeys(against, INK), **dict.fromkeys(against[:1], ACCENT)}
    return [Row(labels[run, mode], run, mode, colours.get(run, QUIET)) for run, mode in pairs]


def by_type(accuracies: pl.DataFrame, variants: Sequence[Row], prior: Mapping[str, float], *, confidence: float) -> str:
    """One panel per question type: every variant a dot with its interval, a rule at what guessing reaches."""
    types = [kind for kind in accuracies["type"].unique(maintain_order=True) if kind != ALL]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 0.9 + 0.24 * len(variants)), layout="constrained")
        panels = figure.subplots(1, len(types), sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, types, strict=True):
            _dots(axes, accuracies.filter(pl.col("type") == kind), variants)
            axes.axvline(100 * prior[kind], color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
            axes.set_title(kind)
        panels[0].set_yticks(range(len(variants)), [row.label for row in variants])
        panels[0].invert_yaxis()
        figure.supxlabel(
            "accuracy (%) with 95 % interval over clips; dashed: the commonest training answer", fontsize=8
        )
        return as_svg(figure)


def against_context(accuracies: pl.DataFrame, variants: Sequence[Row], *, kind: str) -> str:
    """Accuracy on questions of one type against the tokens that a context takes; names stand in the margin."""
    cells = {(row["run"], row["mode"]): row for row in accuracies.filter(pl.col("type") == kind).iter_rows(named=True)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.9), layout="constrained")
        axes = figure.subplots()
        asked = [row for row in variants if (row.run, row.mode) in cells]
        for row in asked:
            cell = cells[row.run, row.mode]
            span = [[100 * (cell["accuracy"] - cell["low"])], [100 * (cell["high"] - cell["accuracy"])]]
            style: dict[str, Any] = {"color": row.colour, "ecolor": row.colour, "elinewidth": 0.9, "markersize": 4.5}
            axes.errorbar(cell["context_tokens"], 100 * cell["accuracy"], yerr=span, fmt="o", **style)
        _names_in_margin(axes, [(cells[row.run, row.mode], row) for row in asked])
        axes.set_xlabel("tokens of context, mean over questions")
        axes.set_ylabel(f"accuracy on {kind} questions (%)")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        return as_svg(figure)


def curves(drawn: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> str:
    """One panel per part of the training: a value of every run against its steps."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 2.9), layout="constrained")
        panels = figure.subplots(1, len(drawn), squeeze=False)[0]
        for axes, (title, runs) in zip(panels, drawn.items(), strict=True):
            for number, (run, points) in enumerate(runs.items()):
                dashes = "-" if number < len(SERIES) else (0, (3, 1.5))
                colour = SERIES[number % len(SERIES)]
                axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.1, linestyle=dashes, label=run)
            axes.set_title(title)
            axes.set_xlabel("step")
            axes.grid(visible=True, axis="y")
            axes.legend(fontsize=6.5, loc="best", handlelength=1.6, labelspacing=0.25)
        return as_svg(figure)


def _dots(axes: Axes, cells: pl.DataFrame, variants: Sequence[Row]) -> None:
    found = {(row["run"], row["mode"]): row for row in cells.iter_rows(named=True)}
    for height, row in enumerate(variants):
        cell = found.get((row.run, row.mode))
        if cell is None:
            continue
        axes.plot([100 * cell["low"], 100 * cell["high"]], [height, height], color=row.colour, linewidth=1.4, zorder=2)
        axes.plot(100 * cell["accuracy"], height, "o", color=row.colour, markersize=4.5, zorder=3)
    axes.set_xlim(0, 102)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.grid(visible=True, axis="both")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _names_in_margin(axes: Axes, found: Sequence[tuple[Mapping[str, Any], Row]]) -> None:
    """Stack the names at the right edge, in the order of their values and never one upon another."""
    low, high = axes.get_ylim()
    step = (high - low) / 17
    left, right = axes.get_xlim()
    right += 0.02 * (right - left)
    found = sorted(found, key=lambda pair: pair[0]["accuracy"])
    heights = _apart([100 * cell["accuracy"] for cell, _ in found], step=step, ceiling=high)
    for (cell, row), height in zip(found, heights, strict=True):
        style: dict[str, Any] = {"color": row.colour, "fontsize": 8, "va": "center", "annotation_clip": False}
        line = {"arrowstyle": "-", "color": RULE, "linewidth": 0.7, "shrinkB": 4}
        text, point = (right + 0.06 * (right - left), height), (cell["context_tokens"], 100 * cell["accuracy"])
        axes.annotate(row.label, point, xytext=text, arrowprops=line, **style)
    axes.set(xlim=(left, right), ylim=(low, high))


def _apart(values: Sequence[float], *, step: float, ceiling: float) -> list[float]:
    """Rising values moved apart to keep `step` between them and to stay under the ceiling."""
    heights: list[float] = []
    for value in values:
        heights.append(max(value, heights[-1] + step) if heights else value)
    for index in reversed(range(len(heights))):
        ceiling = min(heights[index], ceiling)
        heights[index], ceiling = ceiling, ceiling - step
    return heights


def as_svg(figure: Figure) -> str:
    """The figure as text, the same bytes for the same numbers."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
