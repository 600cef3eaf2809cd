"""Stage 1: align the motion adapter to the frozen host; with no steps, leave it as it was drawn."""

from pathlib import Path

from safetensors.torch import save_file

from codecsense.clips import Clips, Features
from codecsense.model import Model
from codecsense.schemas import captions as captions_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import clips_of
from codecsense.training import align as stage_1
from codecsense.training.checkpoints import SENSES, senses
from codecsense.training.curves import write_curve
from codecsense.training.processes import Processes


def align(
    *,
    seed: int,
    model: Model,
    align: stage_1.Align,
    captions: Path,
    streams: Path,
    encoded: Path,
    tower: Path,
    aligned: Path,
    scratch: Path,
) -> None:
    """Write the aligned senses and the curve to `aligned`."""
    work = folder(scratch, "align", settings=[seed, model, align], inputs=[captions, streams, encoded, tower])
    told, store = captions_table.read(captions), StreamStore(streams)
    states = Features.read(encoded / "features.safetensors")
    looked_at = model.adapter.looks
    train, validation = (
        Clips(clips_of(told, split), states, store, looked_at=looked_at) for split in ("train", "validation")
    )
    network = model.build(model.host.load(tower / "host"), train.shapes, sound_width=states.sound.shape[-1], seed=seed)
    processes = Processes(align.compute, batch=align.batch, clip=align.optimiser.clip, log_to=align.log_to, events=work)
    curve = []
    if network.adapter is not None and align.steps:
        curve = stage_1.fit(
            network.adapter, train, validation, align, seed=seed, state_file=work / "align.pt", processes=processes
        )
        still = sum(row["still"] for row in curve)
        print(f"align: {still:.0f} intervals without visual change were left out of {len(curve)} steps", flush=True)
    if processes.first:
        made = work / "made"
        made.mkdir(exist_ok=True)
        save_file(senses(network), made / SENSES)
        write_curve(curve, made / "curve.csv")
        finish(made, aligned)
    processes.close()
