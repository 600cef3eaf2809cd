"""What a video costs in tokens: the report's own numbers, and which arithmetic gives which.

HY-Himmel's formula is N pictures and K motion tokens for each of N - 1 intervals. Its tables print two costs for one
model, 12.2k and 16.2k, and that formula gives neither; what every printed number holds beyond it is said here.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, sections 3.1 and 4.6, tables 1-5 and appendix I.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from codecsense.config import Config, read

MARKS = 2  # tokens around a picture
WIDEST = 2.4  # width over height, beyond which nothing is filmed


class AnchorsOnly(Config):
    """Pictures of anchors and nothing else."""

    anchors: int
    context: float


class Claim(Config):
    """A cost that is printed for 8 anchors and something more."""

    what: str
    context: float


class ReportedContext(Config):
    """Section `reported_context` of such a file as `himmel.yaml`; contexts are in thousands of tokens."""

    frames: int
    dense: float
    motion_tokens: int
    anchors_only: AnchorsOnly
    with_motion: list[Claim]
    by_anchors: dict[int, float]
    by_motion_tokens: dict[int, float]
    block_px: int


class Line(NamedTuple):
    """One printed number, in tokens, and what the formula makes of it."""

    what: str
    printed: float
    pictures: float
    motion: float

    @property
    def left(self) -> float:
        """Tokens that the formula does not account for."""
        return self.printed - self.pictures - self.motion


class Slope(NamedTuple):
    """A straight line through a column of a table: tokens per unit, and tokens at none."""

    each: float
    none: float


def reported(file: Path) -> ReportedContext:
    """What a file such as `himmel.yaml` says is reported."""
    values = read(file)
    if "reported_context" not in values:
        raise ValueError(f"{file} has no section `reported_context`")
    return ReportedContext.model_validate(values["reported_context"])


def per_picture(claims: ReportedContext) -> float:
    """Tokens of a picture, marks included, by the dense baseline."""
    return claims.dense * 1e3 / claims.frames


def lines(claims: ReportedContext) -> list[Line]:
    """Every printed context against N pictures and N - 1 intervals of K."""
    each, tokens, anchors = per_picture(claims), claims.motion_tokens, claims.anchors_only.anchors
    found = [Line(f"{claims.frames} dense frames", claims.dense * 1e3, claims.frames * each, 0.0)]
    found.append(Line(f"{anchors} anchors alone", claims.anchors_only.context * 1e3, anchors * each, 0.0))
    motion = float((anchors - 1) * tokens)
    found += [Line(claim.what, claim.context * 1e3, anchors * each, motion) for claim in claims.with_motion]
    for count, context in claims.by_anchors.items():
        found.append(Line(f"{count} anchors, K {tokens}", context * 1e3, count * each, float((count - 1) * tokens)))
    for count, context in claims.by_motion_tokens.items():
        found.append(Line(f"{anchors} anchors, K {count}", context * 1e3, anchors * each, float((anchors - 1) * count)))
    return found


def slope(column: dict[int, float]) -> Slope:
    """The straight line of least squares through a printed column."""
    each, none = np.polyfit(list(column), [value * 1e3 for value in column.values()], 1)
    return Slope(float(each), float(none))


def resolutions(claims: ReportedContext) -> list[tuple[int, int]]:
    """Width and height of pictures whose cost, marks included, rounds to the dense baseline as printed."""
    low, high = (claims.dense - 0.05) * 1e3, (claims.dense + 0.05) * 1e3
    found = []
    for rows in range(1, 100):
        for columns in range(rows, int(rows * WIDEST) + 1):
            if low <= claims.frames * (rows * columns + MARKS) < high:
                found.append((columns * claims.block_px, rows * claims.block_px))
    return found


def remarks(claims: ReportedContext) -> list[str]:
    """Which arithmetic gives which of the printed numbers."""
    each, tokens, anchors = per_picture(claims), claims.motion_tokens, claims.anchors_only.anchors
    formula = anchors * each + (anchors - 1) * tokens
    by_anchor, by_token = slope(claims.by_anchors), slope(claims.by_motion_tokens)
    sizes = " or ".join(f"{wide}x{high}" for wide, high in resolutions(claims))
    said = [
        f"dense {claims.dense}k is {claims.frames} pictures of {each:.0f} tokens, marks included: {sizes} px",
        f"by the formula {anchors} anchors and {anchors - 1} intervals of {tokens} are {formula / 1e3:.1f}k",
    ]
    for printed in sorted({claim.context for claim in claims.with_motion if claim.what.startswith("tri-stream")}):
        beyond = printed * 1e3 - anchors * each
        said.append(
            f"{printed}k is {anchors} pictures and {beyond:.0f} tokens: {beyond / tokens:.1f} intervals of {tokens}, "
            f"or {beyond / anchors:.0f} tokens for each of {anchors}"
        )
    said.append(
        f"the table by K rises by {by_token.each:.1f} tokens per motion token, so it is nearest to {by_token.each:.0f} "
        f"intervals of K, not {anchors - 1}; at K = 0 it stands at {by_token.none / 1e3:.1f}k, "
        f"{(by_token.none - anchors * each) / 1e3:.1f}k above {anchors} pictures, which no K explains"
    )
    said.append(
        f"the table by anchors rises by {by_anchor.each:.0f} per anchor, a picture and no interval "
        f"({each + tokens:.0f} would be both), from {by_anchor.none / 1e3:.1f}k at none"
    )
    return said
