"""The papers' claims as statements that a number settles, and the verdict that its interval allows.

A claim is a contrast: accuracies of runs, each with a sign (`{full: 1, anchors: -1}`), on one kind of question, over
several seeds. `above` says that it is positive; `near` that it is no further from zero than so many points. The verdict
dares no more than the interval: what covers both answers is undecided, and a claim that came out the other way is
contradicted, whoever made it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError, model_validator

from codecsense.config import read
from codecsense.evaluation.statistics import Estimate
from codecsense.papers.estimates import Part, means, total
from codecsense.papers.groups import SHARED, Row, Shown
from codecsense.papers.reading import Data
from codecsense.papers.results import TWO_STAGE, Seeded, asked, part
from codecsense.report.sheets import Cell, Sheet, change

Verdict = Literal["supported", "contradicted", "undecided"]
NOTHING = Cell("–", tone="faint")


class Claim(Data):
    """One statement of a paper."""

    claim: str
    where: str  # paper and section
    terms: dict[str, float]  # `run` or `run@base`, and the sign of its accuracy
    shown: Shown
    mode: Literal["direct", "two_stage"] = "direct"
    near: float | None = None  # points, as a share; without it the contrast is claimed to be above zero
    seeds: list[int] = Field(min_length=5)

    @model_validator(mode="after")
    def _balanced(self) -> "Claim":
        if len(self.terms) < 2 or abs(sum(self.terms.values())) > 1e-9:
            raise ValueError("the signs of `terms` must add up to zero, over two runs or more")
        return self

    def runs(self) -> dict[str, list[str]]:
        """The runs it takes, by base."""
        found: dict[str, list[str]] = {}
        for term in self.terms:
            run, base = split(term)
            found.setdefault(base, []).append(run)
        return found


class Settled(NamedTuple):
    """A claim, what was found, at what cost, and by which code."""

    claim: Claim
    found: Estimate
    by_seed: list[float]
    verdict: Verdict
    cpu_minutes: float
    commit: str


def load(file: Path) -> dict[str, Claim]:
    """The claims of a file by name; ValueError names the claim that is not usable."""
    found = {}
    for name, values in read(file).items():
        try:
            found[name] = Claim.model_validate(values)
        except ValidationError as error:
            raise ValueError(f"{file}: claim `{name}`: {error.errors()[0]['msg']}") from None
    return found


def split(term: str) -> tuple[str, str]:
    """Run and base of a term."""
    run, _, base = term.partition("@")
    return run, base or SHARED


def remembered(file: Path, claims: Mapping[str, Claim]) -> dict[str, Settled]:
    """What `remember` wrote of these claims; one that has been said otherwise since is forgotten."""
    if not file.is_file():
        return {}
    found = {}
    for name, kept in json.loads(file.read_text(encoding="utf-8")).items():
        if name in claims and Claim.model_validate(kept["claim"]) == claims[name]:
            found[name] = Settled(**kept | {"claim": claims[name], "found": Estimate(*kept["found"])})
    return found


def remember(file: Path, settled: Mapping[str, Settled]) -> None:
    """Write what was found of each claim, whole or not at all."""
    kept = {name: each._asdict() | {"claim": each.claim.model_dump()} for name, each in settled.items()}
    partial = file.with_name(f".{file.name}.unfinished")
    partial.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)


def settle(
    claim: Claim, answers: Mapping[str, Seeded], *, confidence: float, cpu_minutes: float, commit: str
) -> Settled:
    """What the answers of the claim's terms, a frame per seed each, say of it."""
    row = Row(mode=claim.mode)
    by_base: dict[str, list[Part]] = {}
    for term, sign in claim.terms.items():
        by_base.setdefault(split(term)[1], []).append(
            part(asked(answers[term], row, claim.shown), sign, drawn=claim.mode == TWO_STAGE)
        )
    parts = [_summed(parts, claim) for parts in by_base.values()]
    found = total(parts, confidence=confidence)
    by_seed = np.sum([means(each) for each in parts], axis=0)
    return Settled(claim, found, [float(each) for each in by_seed], verdict(found, claim.near), cpu_minutes, commit)


def verdict(found: Estimate, near: float | None) -> Verdict:
    """What an interval says of a contrast claimed to be above zero, or within `near` of it."""
    low, high = (0.0, float("inf")) if near is None else (-near, near)
    if low < found.low and found.high < high:
        return "supported"
    return "contradicted" if found.high < low or found.low > high else "undecided"


def sheet(claims: Sequence[Settled | Claim], *, confidence: float) -> Sheet:
    """The claims and their verdicts, in both directions; one that is not settled says so and nothing else."""
    tones: dict[Verdict, Any] = {"supported": "good", "contradicted": "bad", "undecided": "faint"}
    rows = []
    for each in claims:
        claim = each if isinstance(each, Claim) else each.claim
        sides = [" + ".join(term for term, sign in claim.terms.items() if sign * way > 0) for way in (1, -1)]
        asked_of = f"{' less '.join(sides)}, {claim.shown.label}" + (
            "" if claim.mode == "direct" else ", in two stages"
        )
        asked_of += "" if claim.near is None else f", within {100 * claim.near:.0f} points"
        head = [Cell(claim.claim, f"({claim.where})"), Cell(asked_of)]
        if isinstance(each, Claim):
            rows.append([*head, NOTHING, NOTHING, Cell("not run", tone="faint"), NOTHING, NOTHING])
            continue
        seeds = ", ".join(f"{100 * value:+.1f}" for value in each.by_seed)
        rows.append(
            [
                *head,
                change(each.found)._replace(tone=""),
                Cell(seeds),
                Cell(each.verdict, tone=tones[each.verdict]),
                Cell(f"{each.cpu_minutes:.0f}"),
                Cell(each.commit),
            ]
        )
    note = (
        f"Points on the micro world, paired by question; {100 * confidence:.0f} % interval (Student's t) over seeds "
        "and clips. A verdict is about this world, not about the papers' benchmarks. Minutes of CPU count all that a "
        "claim needs and a seed changes; claims share runs. Not run: its runs were not made at five seeds yet."
    )
    columns = ["claim", "contrast", "points", "by seed", "verdict", "CPU minutes", "commit"]
    return Sheet("The papers' claims", columns, rows, note, prose=True)


def _summed(parts: Sequence[Part], claim: Claim) -> Part:
    """Terms of one base, question by question, so that what is hard for all cancels."""
    asked_of = [(~np.isnan(each.values)).tolist() for each in parts]
    if any(asked_of[0] != each for each in asked_of) or any((each.clips != parts[0].clips).any() for each in parts):
        raise ValueError(f"`{claim.claim}`: its runs did not answer the same questions; evaluate them again")
    return Part(np.sum([each.values for each in parts], axis=0), parts[0].clips)
