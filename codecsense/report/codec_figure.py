"""The distribution of codecs in a corpus, beside the one that the report printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

LEAST_SHARE = 1e-6


def draw(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a figure of shares per codec (on a logarithmic axis: one codec has nearly everything) to `path`."""
    names = [f"{line['codec']} ({line['videos']}, {line['hours']:.1f} h)" for line in lines]
    places = range(len(lines))
    figure = Figure(figsize=(7, 0.6 + 0.45 * len(lines)), layout="constrained")
    axes = figure.subplots()
    axes.barh([place - 0.2 for place in places], [line["share"] for line in lines], 0.38, label="this corpus")
    reported = [max(line["reported_share"], LEAST_SHARE) for line in lines]
    axes.barh([place + 0.2 for place in places], reported, 0.38, label="the report's 180,480 videos")
    axes.set_xscale("log")
    axes.set_xlim(LEAST_SHARE, 1.5)
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xlabel("share of the videos")
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path)
