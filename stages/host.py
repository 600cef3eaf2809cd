"""Pre-train the tiny host and audio encoder, then freeze them; weights of the hub are only named."""

import json
from pathlib import Path

from codecsense.model import Model
from codecsense.schemas import captions as captions_table
from codecsense.schemas import facts as facts_table
from codecsense.schemas import questions as questions_table
from codecsense.schemas import rationales as rationales_table
from codecsense.schemas import sounds as sounds_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import WORDS, clips_of
from codecsense.training.curves import write_curve
from codecsense.training.lessons import Teaching
from codecsense.training.pretraining import Lessons, Tables, pretrain
from codecsense.world.vocabulary import words


def host(
    *,
    seed: int,
    model: Model,
    host: Lessons,
    facts: Path,
    sounds: Path,
    questions: Path,
    captions: Path,
    rationales: Path,
    streams: Path,
    weights: Path,
    scratch: Path,
) -> None:
    """Write the frozen host and audio encoder to `weights`."""
    if model.host.weights != "tiny":
        weights.mkdir(parents=True, exist_ok=True)
        named = {"host": model.host.weights, "audio": model.audio.encoder.weights}
        (weights / "hub.json").write_text(json.dumps(named, indent=1) + "\n")
        return
    inputs = [facts, sounds, questions, captions, rationales, streams]
    work = folder(scratch, "host", settings=[seed, model, host], inputs=inputs)
    store = StreamStore(streams)
    tables = Tables(
        facts_table.read(facts),
        sounds_table.read(sounds),
        questions_table.read(questions),
        captions_table.read(captions),
        rationales_table.read(rationales),
    )
    network = model.host.build(words=sorted({*words(), *WORDS}), seed=seed)
    first = store.stack("mel", clips_of(tables.captions, "train")[:1])
    encoder = model.audio.encoder.build(mels=first.shape[1], steps=first.shape[2], seed=seed)
    teaching = Teaching(work, seed, host.save_every_s)
    curves = pretrain(
        network, encoder, store, tables, host, teaching, audio=model.audio, motion_tokens=model.adapter.tokens
    )
    made = work / "made"
    network.save(made / "host")
    encoder.save(made / "audio")
    for lesson, curve in curves.items():
        write_curve(curve, made / f"{lesson}.csv")
    finish(made, weights)
