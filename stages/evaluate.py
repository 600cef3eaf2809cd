"""Ask a run every question of the test split, directly and, where it hears, in two stages."""

import json
from pathlib import Path

import polars as pl

from codecsense.clips import Clips, Features
from codecsense.evaluation.answering import EvaluateConfig, answer_directly, answer_in_two_stages, summary
from codecsense.schemas import answers as answers_table
from codecsense.schemas import questions as questions_table
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
) -> None:
    """Write `answers.parquet` and `metrics.json` to `results`, a folder named for the run."""
    run = results.name
    asked = questions_table.read(questions).filter(pl.col("split") == evaluate.split)
    states = Features.read(encoded / "features.safetensors")
    clips = Clips(asked["clip_id"].unique().sort().to_list(), states, StreamStore(streams))
    network = checkpoints.load_trained(checkpoint, weights=weights)
    answers = [answer_directly(network, clips, asked, run=run, batch=evaluate.batch)]
    if network.audio is not None and evaluate.two_stage_questions:
        joint = asked.filter(pl.col("type") == "joint").sort("question_id")
        some = joint.sample(min(evaluate.two_stage_questions, len(joint)), seed=seed)
        answers.append(answer_in_two_stages(network, clips, some, two_stage, run=run)[0])
    table = pl.concat(answers)
    results.mkdir(parents=True, exist_ok=True)
    answers_table.write(table, results / "answers.parquet")
    (results / "metrics.json").write_text(json.dumps(summary(table), indent=1) + "\n")
