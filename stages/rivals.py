"""Ask training-free rivals, and the model that they are rivals of, the same questions on the same host."""

import csv
import json
from pathlib import Path

import polars as pl

from codecsense.clips import Clips, Features
from codecsense.evaluation.rivals import RivalsConfig, as_markdown, compete, latencies, rows
from codecsense.schemas import answers as answers_table
from codecsense.schemas import questions as questions_table
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints


def rivals(
    *,
    seed: int,
    rivals: RivalsConfig,
    questions: Path,
    streams: Path,
    encoded: Path,
    weights: Path,
    motion: Path,
    dense: Path,
    anchors: Path,
    results: Path,
) -> None:
    """Write `answers.parquet`, `metrics.json` (all that a seed decides) and the table, in which time stands beside it.

    The checkpoints are those of section `rivals`.
    """
    chosen = (pl.col("split") == rivals.split) & pl.col("type").is_in(rivals.types)
    asked = questions_table.read(questions).filter(chosen)
    ids = asked["clip_id"].unique().sort().to_list()[: rivals.clips]
    clips = Clips(ids, Features.read(encoded / "features.safetensors"), StreamStore(streams))
    taught = {"motion": motion, "dense": dense, "anchors": anchors}
    models = {name: checkpoints.load_trained(folder, weights=weights) for name, folder in taught.items()}
    entrants = [(rival, models[rival.checkpoint]) for rival in rivals.tried]
    times = latencies(entrants, clips, asked, rivals)
    tried = {rival.title: compete(rival, model, clips, asked, rivals, seed=seed) for rival, model in entrants}
    results.mkdir(parents=True, exist_ok=True)
    answers_table.write(
        pl.concat([each.answers for each in tried.values()]), results / "answers.parquet", stage="rivals"
    )
    lines = {title: each.line for title, each in tried.items()}
    (results / "metrics.json").write_text(json.dumps(lines, indent=1) + "\n")
    table = rows({title: line | times[title] for title, line in lines.items()}, rivals.types)
    (results / "table.md").write_text(as_markdown(table))
    with (results / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)
