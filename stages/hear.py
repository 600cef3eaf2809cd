"""Second lesson, of the tiny audio encoder: which tone it hears, and how many beeps."""

from pathlib import Path

import torch

from codecsense.clips import sound_bounds
from codecsense.model import Model
from codecsense.schemas import captions as captions_table
from codecsense.schemas import sounds as sounds_table
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore
from codecsense.texts import clips_of
from codecsense.training.curves import write_curve
from codecsense.training.hearing import sound_labels, teach_hearing
from codecsense.training.lessons import LessonConfig, Teaching, name_only


def hear(
    *,
    seed: int,
    model: Model,
    hear: LessonConfig,
    sounds: Path,
    captions: Path,
    streams: Path,
    ear: Path,
    scratch: Path,
) -> None:
    """Write the taught audio encoder to `ear`."""
    if model.audio.encoder.weights != "tiny":
        name_only(model.audio.encoder.weights, ear)
        return
    work = folder(scratch, "hear", settings=[seed, model.audio, hear], inputs=[sounds, captions, streams])
    store, ids = StreamStore(streams), clips_of(captions_table.read(captions), "train")
    mel = torch.from_numpy(store.stack("mel", ids))
    encoder = model.audio.encoder.build(mels=mel.shape[1], steps=mel.shape[2], seed=seed)
    curve = teach_hearing(
        encoder,
        mel,
        sound_labels(ids, sounds_table.read(sounds)),
        hear,
        Teaching(work, seed),
        bounds=sound_bounds(store, ids[0], states_per_s=encoder.states_per_s),
        pieces=model.audio.pieces,
    )
    encoder.save(work / "made" / "audio")
    write_curve(curve, work / "made" / "hearing.csv")
    finish(work / "made", ear)
