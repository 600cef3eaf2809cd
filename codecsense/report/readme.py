"""Writes what is measured and what is declared into README.md, between the markers that name it.

A README typed by hand drifts from the results; `make readme` copies it from the report, and names the commit and
the seed so that the numbers can be made again.
"""

import argparse
import csv
import re
from collections.abc import Sequence
from pathlib import Path

from codecsense import config
from codecsense.report.declarations import SOURCE
from codecsense.report.tables import DIRECT

TYPES = ("hidden", "static", "audio", "joint")


def main(arguments: Sequence[str] | None = None) -> None:
    """Replace the marked parts of the README."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--report", type=Path, required=True, help="the folder that stage report wrote")
    parser.add_argument(
        "--claims", type=Path, required=True, help="the table of claims; where there is none, README's stays"
    )
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--commit", required=True, help="the commit that the numbers come from")
    parser.add_argument("readme", type=Path)
    given = parser.parse_args(arguments)
    text = given.readme.read_text(encoding="utf-8")
    with (given.report / "accuracy.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    text = replaced(text, "results", results(rows, params=given.params, commit=given.commit))
    text = replaced(text, "declared", SOURCE.read_text(encoding="utf-8").replace("## ", "### ").strip())
    if given.claims.is_file():
        _title, _, table = given.claims.read_text(encoding="utf-8").partition("\n\n")
        text = replaced(text, "claims", table.strip())
    given.readme.write_text(text, encoding="utf-8")


def results(rows: Sequence[dict[str, str]], *, params: Path, commit: str) -> str:
    """The table of all runs, each linked to the line of `params.yaml` that defines it."""
    runs = list(dict.fromkeys(row["run"] for row in rows))
    lines = {run: _line(params, run) for run in runs}
    cells = {(row["run"], row["type"]): row for row in rows if row["mode"] == DIRECT}
    table = [f"| run | {' | '.join(TYPES)} | context tokens |", f"| :-- |{' --: |' * (len(TYPES) + 1)}"]
    for run in runs:
        values = [_cell(cells.get((run, kind))) for kind in TYPES]
        context = f"{float(cells[run, TYPES[0]]['context_tokens']):.0f}"
        table.append(f"| [{run}]({params.name}#L{lines[run]}) | {' | '.join(values)} | {context} |")
    given = config.read(params)
    over = f"{100 * given['report']['confidence']:.0f} % interval by bootstrap over {rows[0]['clips']} clips"
    note = (
        f"Test accuracy in percent, {over}; seed {given['seed']}, commit {commit}. "
        "`hidden` questions are about what happens between the anchors; anchors cannot answer them."
    )
    return "\n".join([*table, "", note])


def replaced(text: str, name: str, new: str) -> str:
    """`text` with what stands between the markers of `name` replaced; ValueError if it has no such markers."""
    begin, end = f"<!-- {name}: written by `make readme` -->", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), flags=re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"README.md must hold `{begin}` and `{end}` once, in that order")
    return pattern.sub(lambda _: f"{begin}\n{new}\n{end}", text)


def _cell(row: dict[str, str] | None) -> str:
    if row is None:
        return "–"
    value, low, high = (100 * float(row[name]) for name in ("accuracy", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _line(params: Path, run: str) -> int:
    lines = params.read_text(encoding="utf-8").splitlines()
    for number in range(lines.index("runs:"), len(lines)):
        if lines[number].startswith(f"  {run}:"):
            return number + 1
    raise ValueError(f"{params} defines no run `{run}`; run `dvc repro report` to bring the report up to date")


if __name__ == "__main__":
    main()
