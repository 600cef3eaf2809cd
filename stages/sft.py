"""Stage 2: teach the host to use motion and sound, through LoRA or whole."""

from pathlib import Path

from codecsense.clips import Clips, Features
from codecsense.model import CodecSense, Model
from codecsense.schemas import captions as captions_table
from codecsense.schemas import questions as questions_table
from codecsense.schemas import rationales as rationales_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import by_clip, clips_of
from codecsense.training import checkpoints
from codecsense.training import sft as stage_2
from codecsense.training.curves import write_curve
from codecsense.training.processes import Processes


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
    tables = {
        "questions": questions_table.read(questions),
        "captions": captions_table.read(captions),
        "rationales": rationales_table.read(rationales),
    }
    states, store = Features.read(encoded / "features.safetensors"), StreamStore(streams)
    train = Clips(clips_of(tables["captions"], "train"), states, store, looked_at=model.adapter.looks)
    processes = Processes(sft.compute, batch=sft.batch, clip=sft.optimiser.clip, log_to=sft.log_to, events=work)
    network = model.build(
        model.host.load(weights / "host"), train.shapes, sound_width=states.sound.shape[-1], seed=seed
    )
    checkpoints.load_senses(network, aligned / checkpoints.SENSES)
    lesson = stage_2.Lesson(train, by_clip(network.host.tokenizer, train.ids, **tables))
    validation = None
    if sft.validate_every:
        held_out = Clips(clips_of(tables["captions"], "validation"), states, store, looked_at=model.adapter.looks)
        validation = stage_2.Lesson(held_out, by_clip(network.host.tokenizer, held_out.ids, **tables))
    state_file = work / "sft.pt"
    curve = stage_2.fit(network, lesson, validation, sft, seed=seed, state_file=state_file, processes=processes)
    saved = list(network.parameters()) if sft.tuned == "full" else list(stage_2.trained_weights(network).values())
    with processes.whole(saved):
        if processes.first:
            made = work / "made"
            _save(network, made, sft, best=stage_2.best_of(state_file), seed=seed)
            write_curve(curve, made / "curve.csv")
            finish(made, checkpoint)
    processes.close()


def _save(network: CodecSense, made: Path, settings: stage_2.SFT, *, best: Path, seed: int) -> None:
    """The weights to keep in `made`; where validation told last from best, the others in a folder inside it."""
    notes, whole = {"stage": "sft", "seed": seed}, settings.tuned == "full"
    checkpoints.save(network, made if settings.keep == "last" else made / "last", notes=notes, whole=whole)
    if settings.validate_every:
        stage_2.load_best(network, best)
        checkpoints.save(network, made if settings.keep == "best" else made / "best", notes=notes, whole=whole)
