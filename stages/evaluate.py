"""Ask a run every question of the test split, directly and, where it hears, in two stages."""

import json
import shutil
from pathlib import Path

import polars as pl

from codecsense.clips import Clips, Features
from codecsense.evaluation.answering import EvaluateConfig, Posed, pieces, summary
from codecsense.schemas import answers as answers_table
from codecsense.schemas import questions as questions_table
from codecsense.scratch import folder
from codecsense.shares import in_pieces
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints
from codecsense.two_stage import TwoStage


def evaluate(
    *,
    seed: int,
    evaluate: EvaluateConfig,
    two_stage: TwoStage,
    questions: Path,
    streams: Path,
    encoded: Path,
    weights: Path,
    checkpoint: Path,
    results: Path,
    scratch: Path,
) -> None:
    """Write `answers.parquet` and `metrics.json` to `results`, a folder named for the run."""
    run = results.name
    asked = questions_table.read(questions).filter(pl.col("split") == evaluate.split)
    states = Features.read(encoded / "features.safetensors")
    network = checkpoints.load_trained(checkpoint, weights=weights)
    looked_at = network.settings.adapter.looks
    clips = Clips(asked["clip_id"].unique().sort().to_list(), states, StreamStore(streams), looked_at=looked_at)
    joint = asked.filter(pl.col("type") == "joint").sort("question_id")
    number = evaluate.two_stage_questions if network.audio is not None else 0
    posed = Posed(asked, joint.sample(min(number, len(joint)), seed=seed))
    inputs = [questions, streams, encoded, weights, checkpoint]
    place = folder(scratch, "evaluate", settings=[run, seed, evaluate, two_stage], inputs=inputs)
    parts = pieces(network, clips, posed, evaluate, two_stage, run=run)
    table = pl.concat(in_pieces(parts, place, label=f"answering: {run}").values())
    results.mkdir(parents=True, exist_ok=True)
    answers_table.write(table, results / "answers.parquet")
    (results / "metrics.json").write_text(json.dumps(summary(table), indent=1) + "\n")
    shutil.rmtree(place)
