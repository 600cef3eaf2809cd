"""Stage 2: teach the host to use motion and sound, through LoRA; the host itself stays frozen."""

from pathlib import Path

from codecsense.clips import Clips, Features
from codecsense.model import Model
from codecsense.schemas import captions as captions_table
from codecsense.schemas import questions as questions_table
from codecsense.schemas import rationales as rationales_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import by_clip, clips_of
from codecsense.training import checkpoints
from codecsense.training import sft as stage_2
from codecsense.training.curves import write_curve


def sft(
    *,
    seed: int,
    model: Model,
    sft: stage_2.SFT,
    questions: Path,
    captions: Path,
    rationales: Path,
    streams: Path,
    encoded: Path,
    weights: Path,
    aligned: Path,
    checkpoint: Path,
    scratch: Path,
) -> None:
    """Write the trained model and the curve to `checkpoint`."""
    inputs = [questions, captions, rationales, streams, encoded, weights, aligned]
    work = folder(scratch, "sft", settings=[seed, model, sft], inputs=inputs)
    told, states = captions_table.read(captions), Features.read(encoded / "features.safetensors")
    train = Clips(clips_of(told, "train"), states, StreamStore(streams))
    network = model.build(
        model.host.load(weights / "host"), train.shapes, sound_width=states.sound.shape[-1], seed=seed
    )
    checkpoints.load_senses(network, aligned / checkpoints.SENSES)
    texts = by_clip(
        network.host.tokenizer,
        train.ids,
        questions=questions_table.read(questions),
        captions=told,
        rationales=rationales_table.read(rationales),
    )
    curve = stage_2.fit(network, train, texts, sft, seed=seed, state_file=work / "sft.pt")
    made = work / "made"
    checkpoints.save(network, made, notes={"stage": "sft", "seed": seed})
    write_curve(curve, made / "curve.csv")
    finish(made, checkpoint)
