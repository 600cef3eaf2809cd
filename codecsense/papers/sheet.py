"""A group as it is read: ours with intervals, the difference to its reference, and beside it what the paper prints."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from codecsense.papers.groups import SHARED, Group
from codecsense.papers.reading import ReportedTable
from codecsense.papers.results import Number
from codecsense.report.sheets import Cell, Sheet, change, share

NONE = Cell("–", tone="faint")


class Made(NamedTuple):
    """How the numbers of a group came about."""

    seeds: Sequence[int]
    commit: str
    changes: Mapping[str, object]  # of each row's run
    bases: Mapping[str, object]
    rivals: Mapping[str, object] = MappingProxyType({})  # the settings of each row that is a rival


def table(group: Group, numbers: Sequence[Number], made: Made, *, confidence: float) -> Sheet:
    """A row per run: accuracy and difference for every kind of question, context, and the paper's columns."""
    printed = group.table()
    cells = {(number.row, number.shown): number for number in numbers}
    columns = ["run"]
    for shown in group.shown:
        columns += [shown.label, f"less {group.against}"]
    columns += ["context tokens", *(f"{_heading(column)}, reported" for column in group.columns)]
    rows = []
    for name, row in group.rows.items():
        ours = row.rival or row.run is not None
        line = [Cell(name, tone="strong" if name == group.against else "" if ours else "faint")]
        for shown in group.shown:
            number = cells.get((name, shown))
            line.append(NONE if number is None else share(number.accuracy))
            line.append(_difference(group, number))
        context = next((number.context_tokens for number in numbers if number.row == name), None)
        line.append(NONE if context is None else Cell(f"{context:.0f}"))
        line += [_reported(printed, row.reported, column) for column in group.columns]
        rows.append(line)
    return Sheet(group.title, columns, rows, _note(group, numbers, made, printed, confidence))


def runs(group: Group, made: Made) -> Sheet:
    """What each row's run changes, or how its rival is set: enough to make it again."""
    rows = []
    for name, (base, run, rival) in group.sources().items():
        if rival is not None:
            own = {} if base == SHARED else {"base": base}
            rows.append([Cell(name), Cell(f"rival {rival}"), _changes({**own, **_plain(made.rivals.get(name))})])
            continue
        changes = {**({} if base == SHARED else {"base": base}), **_plain(made.bases.get(base))}
        rows.append([Cell(name), Cell(str(run)), _changes({**changes, **_plain(made.changes.get(name))})])
    note = f"Seeds {', '.join(str(seed) for seed in made.seeds)}; commit {made.commit}."
    return Sheet("Runs of this table", ["row", "run", "differences from params.yaml"], rows, note, prose=True)


def _note(group: Group, numbers: Sequence[Number], made: Made, printed: ReportedTable | None, confidence: float) -> str:
    counts = {number.shown.label: number.questions for number in numbers if not number.rival}
    fewer = {number.shown.label: number.questions for number in numbers if number.rival}
    counts = fewer | counts
    over = "clips" if len(made.seeds) == 1 else "clips and seeds"
    parts = [
        f"Ours: the micro world, test accuracy in per cent, differences in points, {100 * confidence:.0f} % interval "
        f"over {over}; questions: {', '.join(f'{label} {count}' for label, count in counts.items())}; "
        f"seeds: {', '.join(str(seed) for seed in made.seeds)}; commit {made.commit}."
    ]
    if fewer:
        asked = ", ".join(f"{label} {count}" for label, count in fewer.items())
        parts.append(f"Rivals are asked about the first clips alone ({asked}); differences to them are over those.")
    if len(made.seeds) == 1:
        parts.append("One seed: the interval does not say what another seed would give.")
    if printed is not None and group.columns:
        parts.append(f"Reported: {printed.where}; another model on other questions, shown beside and never a target.")
    return " ".join([*parts, *([group.note] if group.note else [])])


def _difference(group: Group, number: Number | None) -> Cell:
    if number is None or number.difference is None:
        return NONE
    cell, other = change(number.difference), group.reference(number.row)
    return cell if other == group.against else cell._replace(detail=f"{cell.detail} less {other}")


def _reported(printed: ReportedTable | None, row: str | None, column: str) -> Cell:
    if printed is None or row is None or column not in printed.rows[row]:
        return NONE
    value, digits = printed.rows[row][column], printed.columns[column]
    return Cell(str(value) if digits == "text" else f"{value:.{digits}f}", tone="faint")


def _heading(column: str) -> str:
    return column.replace("_", " ")


def _plain(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def _changes(changed: Mapping[str, object]) -> Cell:
    text = ", ".join(f"{key}: {json.dumps(value).replace(chr(34), '')}" for key, value in changed.items())
    return Cell(text) if text else Cell("nothing", tone="faint")
