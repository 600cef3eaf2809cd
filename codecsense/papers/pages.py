"""A group as files: Markdown for a terminal, CSV for `dvc plots`, and an HTML page that needs no network."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import yaml

from codecsense.evaluation.statistics import Estimate
from codecsense.papers import drawing, results, sheet
from codecsense.papers.claims import Settled
from codecsense.papers.groups import Group
from codecsense.papers.results import Number, Seeded
from codecsense.papers.sheet import Made
from codecsense.report import figures, sections
from codecsense.report.page import Picture, Section, as_html, svg
from codecsense.report.sheets import Sheet, markdown

PLOTS = "dvc.yaml"
OWN = "[core]\n    no_scm = true\n    analytics = false\n"  # DVC skips what git ignores: a project of its own
LABEL = "row"  # what a bar of `dvc plots` stands for


class Written(NamedTuple):
    """A table that was made: as Markdown, and as a part of a page."""

    text: str
    section: Section


def write_all(output: Path, written: Sequence[Written], around: Section) -> Path:
    """Put tables on one page, with what stands around them; returns the page."""
    page = output / "index.html"
    summary = (
        "The tables of groups.yaml that were asked for together; every row names its run, its values and the commit."
    )
    page.write_text(as_html(summary, [*(each.section for each in written), around]), encoding="utf-8")
    return page


def write(
    output: Path,
    name: str,
    group: Group,
    answers: Mapping[str, Seeded],
    made: Made,
    *,
    trained: Mapping[str, Path],
    policies: Collection[str],
    gates: Mapping[str, pl.DataFrame],
    confidence: float,
) -> Written:
    """Write NAME.md, NAME.html and NAME.csv to `output`.

    `trained` holds the folders of the rows' runs; `policies` are the rows that reinforcement learning made;
    `gates` what theirs let through (`gates.shares`), for a group that asks for it.
    """
    numbers = results.of_group(group, answers, confidence=confidence)
    shown, runs = sheet.table(group, numbers, made, confidence=confidence), sheet.runs(group, made)
    output.mkdir(parents=True, exist_ok=True)
    text = "\n".join([markdown(shown), markdown(runs)])
    (output / f"{name}.md").write_text(text, encoding="utf-8")
    as_frame(numbers).write_csv(output / f"{name}.csv")
    spreads = {row: results.spread(shares) for row, shares in gates.items()}
    for row, each in spreads.items():
        each.write_csv(output / f"{name}_{row}.tsv", separator="\t")
    of = made_of(made.seeds, made.commit)
    pictures = [svg("", drawing.draw_gates(row, each), f"{_GATES} {of}") for row, each in spreads.items()]
    if group.figure not in (None, "gates"):
        pictures.append(svg("", drawing.draw(group, numbers), f"{_caption(group)} {of}"))
    section = Section(group.title, sheets=[shown, runs], pictures=[*pictures, *_curves(trained, policies, of)])
    (output / f"{name}.html").write_text(as_html(f"Table `{name}` of groups.yaml.", [section]), encoding="utf-8")
    _plots(output)
    return Written(text, section)


def write_claims(output: Path, shown: Sheet, settled: Sequence[Settled]) -> None:
    """Write claims.md, claims.html and claims.csv to `output`."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "claims.md").write_text(markdown(shown), encoding="utf-8")
    rows = [
        {LABEL: each.claim.claim, **each.found._asdict(), "verdict": each.verdict, "cpu_minutes": each.cpu_minutes}
        for each in settled
    ]
    pl.DataFrame(rows).write_csv(output / "claims.csv")
    page = as_html("The claims of claims.yaml.", [Section("Claims", sheets=[shown])])
    (output / "claims.html").write_text(page, encoding="utf-8")
    _plots(output)


def as_frame(numbers: Sequence[Number]) -> pl.DataFrame:
    """A row per run and kind of question, in shares."""
    rows = [
        {
            "run": number.row,
            "questions": number.shown.label,
            LABEL: f"{number.row}, {number.shown.label}",
            "count": number.questions,
            **number.accuracy._asdict(),
            **{f"difference_{key}": value for key, value in (number.difference or _NO)._asdict().items()},
            "context_tokens": number.context_tokens,
        }
        for number in numbers
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


_NO = Estimate(float("nan"), float("nan"), float("nan"))


_GATES = (
    "By what a sprite does in the interval, at its cell where steps are cells; test split, first seed. "
    "Boxes hold the middle half of all actions with the median, whiskers go from 5 to 95 %."
)


def _caption(group: Group) -> str:
    ours = "Ours with intervals; the row that others are held against is in the accent."
    return f"{ours} Diamonds: as the paper prints it." if group.columns else ours


def made_of(seeds: Sequence[int], commit: str) -> str:
    """Where a figure came from, as its caption says it."""
    return f"Runs and values: the table above; seeds {', '.join(str(seed) for seed in seeds)}; commit {commit}."


def _curves(trained: Mapping[str, Path], policies: Collection[str], of: str) -> list[Picture]:
    """Losses of the rows' training, of those that took steps."""
    found = sections.curves_of(trained, policies)
    return [svg("Training", figures.curves(found), f"By step, smoothed; the first seed. {of}")] if found else []


def _plots(output: Path) -> None:
    """Say to `dvc --cd data/papers plots show` which tables there are."""
    (output / ".dvc").mkdir(exist_ok=True)
    (output / ".dvc" / "config").write_text(OWN, encoding="utf-8")
    plots = [
        {file.stem: {"template": "bar_horizontal", "x": "value", "y": {file.name: LABEL}}}
        for file in sorted(output.glob("*.csv"))
    ]
    (output / PLOTS).write_text(yaml.safe_dump({"plots": plots}, sort_keys=False), encoding="utf-8")
