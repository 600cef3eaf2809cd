"""Reinforcement learning from Stage 2: VANAO, or plain GRPO where the synergy reward is left out."""

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
    clips = Clips(measured["clip_id"].unique().sort().to_list(), states, StreamStore(streams))
    network = checkpoints.load(reference, model.host.load(weights / "host"))
    prompts = grpo.prompts_of(network, clips, measured, vanao)
    curve = grpo.fit(network, clips, prompts, vanao, seed=seed, state_file=work / "vanao.pt")
    made = work / "made"
    checkpoints.save(network, made, notes={"stage": "vanao", "seed": seed, "prompts": len(prompts)})
    write_curve(curve, made / "curve.csv")
    finish(made, checkpoint)
