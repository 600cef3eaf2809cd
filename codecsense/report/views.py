"""Frames of numbers -> sheets: what is set in which row and column, and in what words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from codecsense.evaluation.statistics import Estimate
from codecsense.report import ReportConfig
from codecsense.report.findings import Promise
from codecsense.report.sheets import Cell, Sheet, change, percent, share
from codecsense.report.tables import ALL, DIRECT, PRIOR, Variant
from codecsense.schemas.audit import Audit
from codecsense.schemas.probe import Probe
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
        f"The {PRIOR} is the commonest one in training to a question of that kind, without a look at the clip."
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


def runs(trained: Mapping[str, Mapping[str, Any]], reinforced: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """What each run changes, as it stands in `params.yaml`."""
    rows = [[Cell(run, tone="strong"), _changes(changed)] for run, changed in trained.items()]
    for run, changed in reinforced.items():
        rows.append([Cell(run, "after Stage 2 of vanao.start", tone="strong"), _changes(changed)])
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
    """How long each stage took when it last ran here, its runs together."""
    by_stage: dict[str, list[Mapping[str, Any]]] = {}
    for each in found:
        by_stage.setdefault(each["stage"].split("@")[0], []).append(each)
    rows = [
        [Cell(stage, f"{len(mine)} times" if len(mine) > 1 else ""), *_cost(mine)] for stage, mine in by_stage.items()
    ]
    rows.append([Cell("sum", tone="strong"), *(cell._replace(tone="strong") for cell in _cost(found))])
    note = (
        "As last run on this machine; a stage that was resumed counts from where it was taken up again. "
        "Stages that do not need each other ran side by side, so less time passed than their sum."
    )
    return Sheet("Time and memory by stage", ["stage", "wall s", "CPU s", "peak MiB"], rows, note)


def rivals(table: Sequence[Sequence[str]]) -> Sheet:
    """What is tried on the same host without training, beside ours; A to E are the conditions of its Appendix S."""
    head, *lines = table
    note = (
        "Accuracy in percent with its interval, on the first test clips alone. A rival whose mechanism did nothing is "
        "an error, not a line. Times are of this machine; all else is repeated by the seed."
    )
    return Sheet("Training-free rivals on the same host", head, [[Cell(cell) for cell in line] for line in lines], note)


def probe(found: pl.DataFrame) -> Sheet:
    """Which streams carry which fact: accuracy of a small head that is told where to look."""
    cells = {(row["streams"], row["fact"]): row for row in found.iter_rows(named=True)}
    answers = {row["fact"]: row["num_answers"] for row in found.iter_rows(named=True)}
    rows = []
    for streams in found[Probe.streams].unique(maintain_order=True):
        mine = [
            share(_estimate(cells[streams, fact], "accuracy"))._replace(heat=cells[streams, fact]["accuracy"])
            for fact in answers
        ]
        rows.append([Cell(streams, tone="strong"), *mine])
    note = (
        "Test accuracy in percent with Wilson's interval, of a small supervised head on the shards; no language model."
    )
    return Sheet(
        "What the side data carries", ["streams", *(f"{fact} ({num})" for fact, num in answers.items())], rows, note
    )


def _cost(found: Sequence[Mapping[str, Any]]) -> list[Cell]:
    totals = [Cell(f"{sum(each[key] for each in found):.0f}") for key in ("wall_s", "cpu_s")]
    return [*totals, Cell(f"{max((each['peak_mib'] for each in found), default=0):.0f}")]


def _changes(changed: Mapping[str, Any]) -> Cell:
    text = ", ".join(f"{key}: {json.dumps(value).replace(chr(34), '')}" for key, value in changed.items())
    return Cell(text) if text else Cell("nothing", tone="faint")


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
