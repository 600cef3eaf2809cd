"""Frames of numbers -> sheets: what is set in which row and column, and in what words."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from codecsense.evaluation.statistics import Estimate
from codecsense.report import ReportConfig
from codecsense.report.findings import Promise
from codecsense.report.sheets import Cell, Sheet, change, percent, share
from codecsense.report.tables import ALL, DIRECT, PRIOR, Variant
from codecsense.schemas.audit import Audit
from codecsense.schemas.questions import TYPES
from codecsense.schemas.streams import Streams

NONE = Cell("–", tone="faint")


def accuracies(found: pl.DataFrame, prior: Mapping[str, float], report: ReportConfig) -> Sheet:
    """Every variant on every type, with what a reader of no clip would reach in the last row."""
    types = _types(found)
    cells = _lookup(found, "type")
    rows = []
    for variant in _variants(found):
        mine = cells[variant]
        context = next(iter(mine.values()))["context_tokens"]
        values = [share(_estimate(mine[kind], "accuracy")) if kind in mine else NONE for kind in types]
        rows.append([_name(variant, report), *values, Cell(f"{context:.0f}")])
    guess = [Cell(percent(prior[kind]), tone="faint") for kind in types]
    rows.append([Cell(PRIOR, tone="faint"), *guess, Cell("0", tone="faint")])
    first = next(iter(cells.values()))
    asked = ", ".join(f"{kind} {first[kind]['questions']}" for kind in types if kind in first)
    note = (
        f"Test accuracy in percent with its {100 * report.confidence:.0f} % interval (bootstrap over clips). "
        f"Questions: {asked}; clips: {max(cell['clips'] for cell in first.values())}. "
        f"`{PRIOR}` answers with the commonest training answer to that kind of question and sees no clip."
    )
    return Sheet("Accuracy by question type", ["run", *types, "context tokens"], rows, note)


def differences(found: pl.DataFrame, report: ReportConfig) -> Sheet:
    """Every variant minus one run, paired question by question."""
    against = found["against"][0]
    types = _types(found)
    cells = _lookup(found, "type")
    rows = [
        [
            _name(variant, report),
            *(change(_estimate(mine[kind], "difference")) if kind in mine else NONE for kind in types),
        ]
        for variant, mine in cells.items()
    ]
    note = "Percentage points, paired by question, bootstrap over clips. Grey: the interval covers zero, so undecided."
    return Sheet(f"Difference to `{against}`", ["run", *types], rows, note)


def comparisons(found: Sequence[Estimate], report: ReportConfig) -> Sheet:
    """The papers' questions, each with its difference and a verdict that dares no more than the interval allows."""
    rows = []
    for asked, estimate in zip(report.comparisons, found, strict=True):
        verdict = "undecided" if not estimate.decided else "yes" if estimate.value > 0 else "no, the reverse"
        mode = "" if asked.mode == DIRECT else f", {asked.mode.replace('_', ' ')}"
        pair = Cell(f"{asked.first} - {asked.second}", f"on {asked.type}{mode}")
        rows.append([Cell(asked.question), pair, change(estimate), Cell(verdict, tone=change(estimate).tone)])
    note = "One seed; an interval tells how far the choice of clips carries, not what another seed would give."
    return Sheet("What the papers ask", ["question", "difference", "points", "answer here"], rows, note, prose=True)


def gates(promises: Sequence[Promise]) -> Sheet:
    """What this repository promises: claim, what was asked, what was found, and whether it holds."""
    rows = [
        [
            *(Cell(text) for text in (promise.claim, promise.asked, promise.found)),
            Cell("holds", tone="good") if promise.holds else Cell("does not hold", tone="bad"),
        ]
        for promise in promises
    ]
    return Sheet("What is promised", ["claim", "asked", "found", "verdict"], rows, prose=True)


def by_kind(found: pl.DataFrame, kind: str, report: ReportConfig) -> Sheet:
    """Accuracy on each kind of question of one type, shaded from low to high."""
    mine = found.filter(pl.col("type") == kind)
    kinds = sorted(set(mine["kind"]))
    cells = _lookup(mine, "kind")
    rows = [
        [
            _name(variant, report),
            *(
                Cell(percent(row[each]["accuracy"]), heat=row[each]["accuracy"]) if each in row else NONE
                for each in kinds
            ),
        ]
        for variant, row in cells.items()
    ]
    return Sheet(f"Kinds of {kind} question", ["run", *kinds], rows)


def runs(differences: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """What each run changes, as it stands in `params.yaml`."""
    rows = []
    for run, changed in differences.items():
        text = ", ".join(f"{key}: {value}" for key, value in changed.items())
        rows.append([Cell(run, tone="strong"), Cell(text or "nothing", tone="" if text else "faint")])
    return Sheet("The runs, as differences from params.yaml", ["run", "changes"], rows, prose=True)


def corpus(audit: pl.DataFrame, index: pl.DataFrame) -> Sheet:
    """What was found in the corpus, codec by codec, and what of it was extracted."""
    known = set(index[Streams.video_id])
    rows = []
    for key, files in audit.group_by([Audit.codec, Audit.container], maintain_order=True):
        codec, container = (str(part) for part in key)
        used = files.filter(pl.col(Audit.video_id).is_in(known))
        minutes, size, gop = files.select(
            pl.col(Audit.duration_s).sum() / 60,
            pl.col(Audit.num_bytes).mean() / 1024,
            pl.col(Audit.gop_median).median(),
        ).row(0)
        routes = ", ".join(
            f"{row[Audit.route]!s} {row['count']!s}" for row in used[Audit.route].value_counts(sort=True).to_dicts()
        )
        rows.append(
            [
                Cell(f"{codec or 'unreadable'} in {container or 'unknown'}"),
                Cell(str(len(files))),
                Cell(str(len(used))),
                Cell(f"{minutes:.1f}"),
                Cell(f"{size:.1f}"),
                Cell(f"{gop:.0f}"),
                Cell(routes or "none"),
            ]
        )
    columns = ["codec and container", "files", "extracted", "minutes", "KiB each", "pictures per GOP", "motion from"]
    return Sheet("The corpus, as audited", columns, rows)


def timings(found: Sequence[Mapping[str, Any]]) -> Sheet:
    """How long each stage took when it last ran here."""
    rows = [
        [
            Cell(each["stage"]),
            *(Cell(f"{each[key]:.1f}") for key in ("wall_s", "cpu_s")),
            Cell(f"{each['peak_mib']:.0f}"),
        ]
        for each in found
    ]
    totals = [Cell(f"{sum(each[key] for each in found):.1f}", tone="strong") for key in ("wall_s", "cpu_s")]
    peak = Cell(f"{max((each['peak_mib'] for each in found), default=0):.0f}", tone="strong")
    rows.append([Cell("all", tone="strong"), *totals, peak])
    note = "As last run on this machine; a stage that was resumed shows its last part only."
    return Sheet("Time and memory by stage", ["stage", "wall s", "CPU s", "peak MiB"], rows, note)


def probe(found: pl.DataFrame) -> Sheet:
    """Which streams carry which fact: accuracy of a small head that is told where to look."""
    facts = found["fact"].unique(maintain_order=True).to_list()
    rows = []
    for streams in found["streams"].unique(maintain_order=True):
        mine = {
            row["fact"]: row["accuracy"] for row in found.filter(pl.col("streams") == streams).iter_rows(named=True)
        }
        values = [Cell(percent(mine[fact]), heat=mine[fact]) if fact in mine else NONE for fact in facts]
        rows.append([Cell(streams, tone="strong"), *values])
    note = "Test accuracy in percent of a small supervised head on the shards themselves; no language model."
    return Sheet("What the side data carries", ["streams", *facts], rows, note)


def _types(found: pl.DataFrame) -> list[str]:
    present = set(found["type"])
    return [kind for kind in [*TYPES, ALL] if kind in present]


def _variants(found: pl.DataFrame) -> list[Variant]:
    return list(_lookup(found, "type"))


def _lookup(found: pl.DataFrame, key: str) -> dict[Variant, dict[str, dict[str, Any]]]:
    cells: dict[Variant, dict[str, dict[str, Any]]] = {}
    for row in found.iter_rows(named=True):
        cells.setdefault(Variant(row["run"], row["mode"]), {})[row[key]] = row
    return cells


def _estimate(row: Mapping[str, Any], name: str) -> Estimate:
    return Estimate(row[name], row["low"], row["high"])


def _name(variant: Variant, report: ReportConfig) -> Cell:
    return Cell(variant.label, tone="strong" if variant.run in report.against else "")
