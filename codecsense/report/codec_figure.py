"""The distribution of codecs in a corpus, beside the one that the report printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from codecsense.codecs.survey import NUM_REPORTED, REPORTED
from codecsense.report.figures import ACCENT, QUIET, STYLE

LEAST_SHARE = 1e-6


def draw(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a figure of shares per codec (on a logarithmic axis: one codec has nearly everything) to `path`.

    Codecs that the report counted and this corpus does not have stand below; a bar that is missing is a share of none.
    """
    here = {line["codec"]: line for line in lines}
    codecs = [*here, *(codec for codec in REPORTED if codec not in here)]
    names = [
        f"{codec}: {here[codec]['videos']}, {here[codec]['hours']:.1f} h" if codec in here else codec
        for codec in codecs
    ]
    ours = [here[codec]["share"] if codec in here else 0.0 for codec in codecs]
    told = [REPORTED.get(codec, 0) / NUM_REPORTED for codec in codecs]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 0.9 + 0.36 * len(codecs)), layout="constrained")
        axes = figure.subplots()
        for shift, shares, colour, label in (
            (-0.19, ours, ACCENT, "this corpus"),
            (0.19, told, QUIET, f"the report's {NUM_REPORTED:,} videos"),
        ):
            widths = [max(share, LEAST_SHARE) for share in shares]
            axes.barh(
                [place + shift for place in range(len(codecs))], widths, 0.36, color=colour, alpha=0.75, label=label
            )
        axes.set_xscale("log")
        axes.set_xlim(LEAST_SHARE, 1.5)
        axes.set_yticks(range(len(codecs)), names)
        axes.invert_yaxis()
        axes.set_xlabel("share of the videos (logarithmic)")
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)
        figure.legend(loc="outside upper left", ncols=2)
        figure.savefig(path)
