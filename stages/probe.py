"""Measure which stream carries which fact, with a small supervised head on the shards."""

import json
from pathlib import Path

from codecsense.evaluation.probe import ANSWERS, ProbeConfig, measure
from codecsense.schemas import facts as facts_table
from codecsense.schemas import probe as probe_table
from codecsense.streams.store import StreamStore


def probe(*, seed: int, probe: ProbeConfig, facts: Path, streams: Path, results: Path) -> None:
    """Write `probe.parquet` and, in per cent, `metrics.json` to `results`."""
    table = measure(facts_table.read(facts), StreamStore(streams), probe, seed=seed)
    probe_table.write(table, results / "probe.parquet")
    percent: dict[str, dict[str, float]] = {name: {} for name in probe.subsets}
    for row in table.iter_rows(named=True):
        percent[row["streams"]][row["fact"]] = round(100 * row["accuracy"], 2)
    (results / "metrics.json").write_text(json.dumps(percent, indent=1))
    print(f"{'streams':<14}" + "".join(f"{fact:>9}" for fact in ANSWERS))
    for name, row in percent.items():
        print(f"{name:<14}" + "".join(f"{row[fact]:>9.1f}" for fact in ANSWERS))
