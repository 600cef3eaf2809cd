"""A table as it is read: the same sheet becomes Markdown here and HTML in `page.html.j2`."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from codecsense.evaluation.statistics import Estimate

Tone = Literal["", "good", "bad", "faint", "strong"]


class Cell(NamedTuple):
    """One value; `detail` is printed small beside it, `heat` (0-1) shades the cell in HTML only."""

    text: str
    detail: str = ""
    tone: Tone = ""
    heat: float | None = None


class Sheet(NamedTuple):
    """A titled table; the first column names the row, the others hold its values."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    prose: bool = False  # words rather than numbers: aligned to the left, wrapped


def percent(value: float) -> str:
    """A share in percent with one digit after the point."""
    return f"{100 * value:.1f}"


def points(value: float) -> str:
    """A difference of shares in percentage points, always with its sign."""
    return f"{100 * value:+.1f}"


def share(estimate: Estimate, tone: Tone = "") -> Cell:
    """An accuracy with its interval."""
    return Cell(percent(estimate.value), f"[{percent(estimate.low)}, {percent(estimate.high)}]", tone)


def change(estimate: Estimate) -> Cell:
    """A paired difference with its interval; faint where the interval covers zero."""
    tone: Tone = "faint" if not estimate.decided else "good" if estimate.value > 0 else "bad"
    return Cell(points(estimate.value), f"[{points(estimate.low)}, {points(estimate.high)}]", tone)


def bounds(low: float, high: float, *, write: Callable[[float], str], floor: float) -> str:
    """In words, where a promised value must lie; bounds at the ends of the scale go without saying."""
    if low > floor and high < 1:
        return f"{write(low)} to {write(high)}"
    return f"at least {write(low)}" if low > floor else f"at most {write(high)}"


def markdown(sheet: Sheet) -> str:
    """The sheet as a pipe table under its title; columns of numbers are aligned to the right."""
    header = [_escaped(column) for column in sheet.columns]
    body = [[_escaped(f"{cell.text} {cell.detail}".strip()) for cell in row] for row in sheet.rows]
    rule = [":--", *[":--" if sheet.prose else "--:"] * (len(header) - 1)]
    lines = [f"### {sheet.title}", "", *(f"| {' | '.join(row)} |" for row in [header, rule, *body])]
    return "\n".join([*lines, *(["", sheet.note] if sheet.note else [])]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
