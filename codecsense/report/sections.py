"""The order of the report: what a reader wants first stands first, what may spoil it is not left out."""

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import polars as pl

from codecsense.report import ReportConfig, figures, motion_sheet, views
from codecsense.report.declarations import declarations
from codecsense.report.findings import Findings
from codecsense.report.page import Picture, Section, png, svg
from codecsense.report.tables import Variant
from codecsense.streams import VideoStreams
from codecsense.streams.store import StreamStore

HIDDEN = "hidden"
STEPS_SMOOTHED = 9
Curves = dict[str, dict[str, list[tuple[float, float]]]]
STAGE_1, STAGE_2, POLICY = "Stage 1: loss", "Stage 2: loss", "RL: right replies"


class Surroundings(NamedTuple):
    """What is shown beside the findings: how the runs differ, the corpus, the training and the time it took."""

    runs: Mapping[str, Mapping[str, Any]]
    rl_runs: Mapping[str, Mapping[str, Any]]
    audit: pl.DataFrame
    extracted: pl.DataFrame  # the index of the streams
    rivals: Sequence[Sequence[str]]  # a table with its head
    curves: Curves
    timings: Sequence[Mapping[str, Any]]
    pictures: Sequence[Picture]


def compose(findings: Findings, around: Surroundings, report: ReportConfig) -> list[Section]:
    """All sections of the report."""
    found = findings.accuracies
    labels = {(row[0], row[1]): Variant(*row).label for row in found.select("run", "mode").unique().iter_rows()}
    rows = figures.rows(found, labels, report.against)
    drawn = figures.by_type(found, rows, findings.prior, confidence=report.confidence)
    dots = svg("", drawn, "Every run on every type of question. Accent: the base run; dark: what it is held against.")
    tokens = svg("", figures.against_context(found, rows, kind=HIDDEN), "What the accuracy costs in tokens of context.")
    heat = [views.by_kind(findings.kinds, kind, report) for kind in (HIDDEN, "audio") if kind in set(found["type"])]
    compared = [views.differences(frame, report) for frame in findings.differences.values()]
    return [
        Section("Results", sheets=[views.accuracies(found, findings.prior, report)], pictures=[dots, tokens]),
        Section("Answers", sheets=[views.comparisons(findings.comparisons, report), views.gates(findings.promises)]),
        Section("Differences", sheets=compared),
        Section("Kinds of question", sheets=heat),
        Section("Probe", sheets=[views.probe(findings.probe)]),
        Section("Rivals", sheets=[views.rivals(around.rivals)]),
        Section("Pictures", lead=PICTURES, pictures=around.pictures),
        Section("Training", pictures=_drawn(around.curves), sheets=[views.runs(around.runs, around.rl_runs)]),
        Section("Corpus", sheets=[views.corpus(around.audit, around.extracted)]),
        Section("Time", sheets=[views.timings(around.timings)]),
        Section("Before you believe it", lists=declarations()),
    ]


PICTURES = (
    "What the model is given of a few test clips, as read back from the file. Hue is direction and depth is speed, as "
    "on the wheel; the residual is dark where motion compensation left something over. A mean over there-and-back is "
    "nearly nothing: it is the maps one by one that tell what happened."
)


def picture(store: StreamStore, clip: str) -> Picture:
    """What the model is given of one clip."""
    streams = VideoStreams(**store.read(clip))
    done, data = cv2.imencode(".png", motion_sheet.sheet(streams, title=clip)[..., ::-1])
    assert done
    return png("", data.tobytes(), f"`{clip}`: a row for each interval between two anchors.")


def read_rivals(file: Path) -> list[list[str]]:
    """The table of stage `rivals`, its head first."""
    with file.open(newline="") as opened:
        return list(csv.reader(opened))


def read_curves(trained: Path, rl_runs: Collection[str]) -> Curves:
    """The curves under the folder of runs, by part of the training and by run; runs that took no step have none."""
    return curves_of({folder.name: folder for folder in sorted(trained.glob("*/"))}, rl_runs)


def curves_of(folders: Mapping[str, Path], rl_runs: Collection[str]) -> Curves:
    """The curves of runs, each in a folder of its own."""
    found: Curves = {}
    for run, folder in folders.items():
        for file in sorted(folder.glob("*/curve.csv")):
            with file.open(newline="") as lines:
                steps = list(csv.DictReader(lines))
            if steps:
                panel = STAGE_1 if file.parent.name == "align" else POLICY if run in rl_runs else STAGE_2
                values = _smoothed([float(step["accuracy" if panel == POLICY else "loss"]) for step in steps])
                numbers = [float(step["step"]) for step in steps]
                found.setdefault(panel, {})[run] = list(zip(numbers, values, strict=True))
    return {panel: found[panel] for panel in (STAGE_1, STAGE_2, POLICY) if panel in found}


def read_timings(folder: Path) -> list[dict[str, Any]]:
    """The timings that stages left behind, in the order in which they started; none where none was kept."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("[!.]*.json")]
    return sorted(found, key=lambda each: (each["started"], each["stage"]))


def _drawn(curves: Curves) -> list[Picture]:
    caption = f"By step, mean of the last {STEPS_SMOOTHED} steps. Runs that took no step of a part are not in it."
    return [svg("Training curves", figures.curves(curves), caption)] if curves else []


def _smoothed(values: Sequence[float]) -> list[float]:
    windows = (values[max(0, end - STEPS_SMOOTHED) : end] for end in range(1, len(values) + 1))
    return [sum(window) / len(window) for window in windows]
