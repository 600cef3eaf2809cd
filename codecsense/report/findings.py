"""Everything the report says, computed once: the page, the Markdown and the metrics only write it down."""

from typing import Any, NamedTuple

import polars as pl

from codecsense.evaluation.statistics import Estimate, Resampling
from codecsense.report import Comparison, Gate, ProbeGate, ReportConfig, tables
from codecsense.report.sheets import bounds, percent, points
from codecsense.report.tables import Variant

EVERY = "every"


class Promise(NamedTuple):
    """A gate beside what was found."""

    claim: str
    asked: str
    found: str
    numbers: dict[str, float]
    holds: bool


class Findings(NamedTuple):
    """The numbers of a report; frames as `tables.py` makes them."""

    accuracies: pl.DataFrame
    kinds: pl.DataFrame
    differences: dict[str, pl.DataFrame]  # by the run compared with
    comparisons: list[Estimate]  # in the order of the settings
    promises: list[Promise]
    prior: dict[str, float]
    probe: pl.DataFrame


def find(
    answers: pl.DataFrame, *, questions: pl.DataFrame, probe: pl.DataFrame, report: ReportConfig, resampling: Resampling
) -> Findings:
    """All findings from the answers of all runs, the questions they answer and the probe's table."""

    def compare(asked: Comparison | Gate) -> Estimate:
        pair = (Variant(asked.first, asked.mode), Variant(asked.second, asked.mode))
        return tables.difference(answers, *pair, kind=asked.type, resampling=resampling)

    first = tables.variants(answers)[0]
    return Findings(
        accuracies=tables.accuracies(answers, resampling),
        kinds=tables.by_kind(answers),
        differences={run: tables.differences(answers, against=run, resampling=resampling) for run in report.against},
        comparisons=[compare(asked) for asked in report.comparisons],
        promises=[
            *(_kept(gate, compare(gate)) for gate in report.gates),
            *(_carried(gate, probe) for gate in report.probe_gates),
        ],
        prior=tables.prior(questions, tables.of(answers, first)),
        probe=probe,
    )


def metrics(findings: Findings) -> dict[str, Any]:
    """The findings as nested numbers for `dvc metrics`: accuracies by variant and type, and the promises."""
    accuracy: dict[str, dict[str, float]] = {}
    for row in findings.accuracies.iter_rows(named=True):
        name = row["run"] if row["mode"] == tables.DIRECT else f"{row['run']}_{row['mode']}"
        accuracy.setdefault(name, {})[row["type"]] = row["accuracy"]
    differences: dict[str, dict[str, float]] = {}
    for against, frame in findings.differences.items():
        hidden = frame.filter((pl.col("type") == "hidden") & (pl.col("mode") == tables.DIRECT))
        differences[f"hidden_minus_{against}"] = dict(hidden.select("run", "difference").iter_rows())
    promises = {promise.claim: {**promise.numbers, "holds": promise.holds} for promise in findings.promises}
    return {"accuracy": accuracy, **differences, "promises": promises}


def _kept(gate: Gate, found: Estimate) -> Promise:
    holds = gate.at_least <= found.value <= gate.at_most and found.low > gate.low_above
    asked = bounds(gate.at_least, gate.at_most, write=points, floor=-1)
    if gate.low_above > -1:
        asked += f", interval above {points(gate.low_above)}"
    text = f"{points(found.value)} [{points(found.low)}, {points(found.high)}]"
    return Promise(gate.claim, asked, text, found._asdict(), holds)


def _carried(gate: ProbeGate, probe: pl.DataFrame) -> Promise:
    mine = probe.filter((pl.col("streams") == gate.streams) & ((pl.col("fact") == gate.fact) | (gate.fact == EVERY)))
    if mine.is_empty():
        known = probe.select("streams", "fact").unique(maintain_order=True).rows()
        raise ValueError(f"params.yaml: probe gate `{gate.claim}`: no {gate.fact} of {gate.streams} among {known}")
    values = mine["accuracy"].to_list()
    holds = all(gate.at_least <= value <= gate.at_most for value in values)
    asked = bounds(gate.at_least, gate.at_most, write=percent, floor=0)
    found = percent(values[0]) if len(values) == 1 else f"{percent(min(values))} to {percent(max(values))}"
    return Promise(gate.claim, asked, found, {"lowest": min(values), "highest": max(values)}, holds)
