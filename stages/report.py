"""Put what all runs came to on one page: tables, figures, pictures, and what to know before believing them."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from codecsense.evaluation.statistics import Resampling
from codecsense.report import ReportConfig, findings, page, sections, tables
from codecsense.schemas import answers as answers_table
from codecsense.schemas import audit as audit_table
from codecsense.schemas import probe as probe_table
from codecsense.schemas import questions as questions_table
from codecsense.scratch import finish
from codecsense.streams.store import StreamStore


def report(
    *,
    seed: int,
    report: ReportConfig,
    runs: dict[str, dict[str, Any]],
    rl_runs: dict[str, dict[str, Any]],
    questions: Path,
    results: Path,
    probed: Path,
    audited: Path,
    competed: Path,
    streams: Path,
    trained: Path,
    timings: Path,
    output: Path,
) -> None:
    """Write index.html, report.md, metrics.json and the tables as CSV to `output`."""
    known = {**runs, **rl_runs}
    answers = tables.together([answers_table.read(results / run / "answers.parquet") for run in known])
    resampling = Resampling(draws=report.bootstrap_draws, seed=seed, confidence=report.confidence)
    asked, carried = questions_table.read(questions), probe_table.read(probed)
    found = findings.find(answers, questions=asked, probe=carried, report=report, resampling=resampling)
    store = StreamStore(streams)
    clips = sorted(set(answers["clip_id"]))[: report.clips_shown]
    around = sections.Surroundings(
        runs=runs,
        rl_runs=rl_runs,
        audit=audit_table.read(audited),
        extracted=store.index,
        rivals=sections.read_rivals(competed),
        curves=sections.read_curves(trained, list(rl_runs)),
        timings=sections.read_timings(timings),
        pictures=[sections.picture(store, clip) for clip in clips],
    )
    written = sections.compose(found, around, report)
    summary = f"{len(known)} runs, {len(set(answers['clip_id']))} test clips, seed {seed}."
    made = output.with_name(f".{output.name}.unfinished")
    made.mkdir(parents=True, exist_ok=True)
    (made / "index.html").write_text(page.as_html(summary, written), encoding="utf-8")
    (made / "report.md").write_text(page.as_markdown(summary, written), encoding="utf-8")
    (made / "metrics.json").write_text(json.dumps(findings.metrics(found), indent=1) + "\n", encoding="utf-8")
    found.accuracies.write_csv(made / "accuracy.csv")
    found.kinds.write_csv(made / "kinds.csv")
    hidden = (pl.col("type") == sections.HIDDEN) & (pl.col("mode") == tables.DIRECT)
    found.accuracies.filter(hidden).write_csv(made / "hidden.csv")
    finish(made, output)
    for promise in found.promises:
        verdict = "holds" if promise.holds else "DOES NOT HOLD"
        print(f"{verdict}: {promise.claim} (asked {promise.asked}; found {promise.found})")
