"""What the runs came to: tables with intervals, figures, and one page that needs no network.

Everything is computed from the tables that the stages leave; nothing is typed in by hand. What a
reader should know before believing a number is in `declarations.py` and is printed beside the numbers.

Words:
    variant     a run answering in one mode; a run that also answers in two stages is two variants
    comparison  a question of the papers, put as one paired difference between two runs
    gate        a comparison, or a cell of the probe's table, that this repository promises
"""

from typing import Annotated

from pydantic import Field

from codecsense.config import Config

Share = Annotated[float, Field(ge=-1, le=1)]


class Comparison(Config):
    """A question, and the two runs whose paired difference, on one type in one mode, settles it."""

    question: str
    first: str
    second: str
    mode: str
    type: str


class Gate(Config):
    """A promised paired difference: its value between two bounds, its interval above a third."""

    claim: str
    first: str
    second: str
    mode: str
    type: str
    at_least: Share
    at_most: Share
    low_above: Share


class ProbeGate(Config):
    """A promised cell of the probe's table: what some streams carry, or cannot carry, of a fact."""

    claim: str
    streams: str
    fact: str  # a fact of the probe, or `every`
    at_least: Share
    at_most: Share


class ReportConfig(Config):
    """What is compared, and how intervals are taken."""

    confidence: Annotated[float, Field(gt=0, lt=1)]
    bootstrap_draws: Annotated[int, Field(ge=100)]
    against: list[str]  # the runs that every other run is compared with
    comparisons: list[Comparison]
    gates: list[Gate]
    probe_gates: list[ProbeGate]
    clips_shown: Annotated[int, Field(ge=1)]
