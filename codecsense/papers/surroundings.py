"""What stands around the tables on the one page of all groups: corpus, what the model sees of it, where time goes."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from codecsense.report import sections
from codecsense.report.codec_figure import draw as draw_codecs
from codecsense.report.figures import SERIES, STYLE, as_svg
from codecsense.report.page import Section, svg
from codecsense.schemas import facts as facts_table
from codecsense.streams.store import StreamStore

STEPS = {"extract": "reading codec and anchors", "features": "tower and ear", "evaluate": "language model"}


def around(place: Path, clips: Sequence[str], *, commit: str) -> Section:
    """Codec distribution, motion sheets of some clips and the split of latency, of a folder where the graph was run."""
    data = place / "data"
    store = StreamStore(data / "streams" / "world")
    lines = json.loads((data / "tables" / "world" / "codecs.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        draw_codecs(lines, file := Path(folder) / "codecs.svg")
        codecs = svg("Codecs of the corpus", file.read_text(encoding="utf-8"), "Ours, and the report's 180,480 videos.")
    pictures = [codecs, *(sections.picture(store, clip) for clip in clips)]
    split = latencies(
        sections.read_timings(data / "timings"), extracted=len(store.index), answered=len(clips_of(place))
    )
    if split:
        caption = "Wall time of stages when they last ran here, by clip; a clip is asked many questions at once."
        pictures.append(svg("Where the time of an answer goes", draw_latencies(split), caption))
    lead = f"Of all runs in `{place.name}` (base and seed), with the values of its params.yaml; commit {commit}."
    return Section("The corpus, what is seen of it, and time", lead, pictures=pictures)


def clips_of(place: Path) -> list[str]:
    """The clips of the test split that were extracted, by name."""
    known = set(StreamStore(place / "data" / "streams" / "world").index["video_id"])
    table = facts_table.read(place / "data" / "tables" / "facts.parquet")
    return sorted(known & set(table.filter(table["split"] == "test")["clip_id"]))


def latencies(timings: Sequence[Mapping[str, Any]], *, extracted: int, answered: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each step per clip, for every run that was evaluated; empty if a step was never timed."""
    took = {each["stage"]: 1000 * float(each["wall_s"]) for each in timings}
    read = took.get("extract@world")
    encoded = took.get("features")
    if read is None or encoded is None or not extracted or not answered:
        return {}
    shared = {STEPS["extract"]: read / extracted, STEPS["features"]: encoded / extracted}
    runs = {name.partition("@")[2]: value for name, value in took.items() if name.startswith("evaluate@")}
    return {run: shared | {STEPS["evaluate"]: value / answered} for run, value in sorted(runs.items())}


def draw_latencies(split: Mapping[str, Mapping[str, float]]) -> str:
    """A bar per run, a piece per step."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 1.0 + 0.28 * len(split)), layout="constrained")
        axes = figure.subplots()
        left = dict.fromkeys(split, 0.0)
        for step, colour in zip(STEPS.values(), SERIES, strict=False):
            widths = [split[run][step] for run in split]
            axes.barh(list(split), widths, left=list(left.values()), color=colour, alpha=0.75, height=0.6, label=step)
            left = {run: left[run] + split[run][step] for run in split}
        axes.invert_yaxis()
        axes.set_xlabel("milliseconds a clip")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return as_svg(figure)
