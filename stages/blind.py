"""Measure what the reference policy achieves with one modality masked, once, before reinforcement learning."""

import shutil
from pathlib import Path

import polars as pl

from codecsense.clips import Clips, Features
from codecsense.evaluation.blind import BlindConfig, pieces
from codecsense.model import Model
from codecsense.schemas import blind as blind_table
from codecsense.schemas import questions as questions_table
from codecsense.scratch import folder
from codecsense.shares import in_pieces
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints
from codecsense.two_stage import TwoStage


def blind(
    *,
    seed: int,
    model: Model,
    blind: BlindConfig,
    two_stage: TwoStage,
    questions: Path,
    streams: Path,
    encoded: Path,
    weights: Path,
    reference: Path,
    baseline: Path,
    scratch: Path,
) -> None:
    """Write the table `blind` for joint questions of the training clips to `baseline`."""
    asked = questions_table.read(questions).filter((pl.col("split") == "train") & (pl.col("type") == "joint"))
    drawn = asked.sort("question_id").sample(min(blind.prompts, len(asked)), seed=seed)
    states = Features.read(encoded / "features.safetensors")
    network = checkpoints.load_trained(reference, weights=weights)
    looked_at = network.settings.adapter.looks
    clips = Clips(drawn["clip_id"].unique().sort().to_list(), states, StreamStore(streams), looked_at=looked_at)
    inputs = [questions, streams, encoded, weights, reference]
    place = folder(scratch, "blind", settings=[seed, model, blind, two_stage], inputs=inputs)
    parts = pieces(network, clips, drawn, blind, two_stage, seed=seed)
    blind_table.write(pl.concat(in_pieces(parts, place, label="blind").values()), baseline)
    shutil.rmtree(place)
