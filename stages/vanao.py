"""Reinforcement learning from Stage 2: VANAO, or plain GRPO where the synergy reward is left out."""

import shutil
from pathlib import Path

from codecsense.clips import Clips, Features
from codecsense.model import Model
from codecsense.schemas import blind as blind_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints, grpo
from codecsense.training.curves import write_curve


def vanao(
    *,
    seed: int,
    model: Model,
    vanao: grpo.Vanao,
    baseline: Path,
    streams: Path,
    encoded: Path,
    weights: Path,
    reference: Path,
    checkpoint: Path,
    scratch: Path,
) -> None:
    """Write the trained policy and the curve to `checkpoint`."""
    inputs = [baseline, streams, encoded, weights, reference]
    work = folder(scratch, "vanao", settings=[seed, model, vanao], inputs=inputs)
    measured = blind_table.read(baseline)
    states = Features.read(encoded / "features.safetensors")
    network = checkpoints.load(reference, model.host.load(weights / "host"))
    looked_at = network.settings.adapter.looks
    clips = Clips(measured["clip_id"].unique().sort().to_list(), states, StreamStore(streams), looked_at=looked_at)
    prompts = grpo.prompts_of(network, clips, measured, vanao)
    state_file, made = work / "vanao.pt", work / "made"
    curve = grpo.fit(network, clips, prompts, vanao, seed=seed, state_file=state_file)
    checkpoints.save(network, made, notes={"stage": "vanao", "seed": seed, "prompts": len(prompts.train)})
    write_curve(curve, made / "curve.csv")
    if vanao.dump_every:
        shutil.copytree(grpo.samples_of(state_file), made / "samples", dirs_exist_ok=True)
    finish(made, checkpoint)
