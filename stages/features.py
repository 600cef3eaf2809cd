"""What the frozen tower and audio encoder say of every clip, computed once and shared by every run."""

from pathlib import Path

import torch

from codecsense.clips import Features, encode_sound, sound_bounds
from codecsense.encoding import encode_corpus
from codecsense.model import Model
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore


def features(*, model: Model, tower: Path, ear: Path, streams: Path, encoded: Path, scratch: Path) -> None:
    """Write `encoded`: features of all moments (anchors and frames between) and of the sound of all intervals."""
    work = folder(scratch, "features", settings=[model], inputs=[tower, ear, streams])
    store = StreamStore(streams)
    ids = store.index["video_id"].to_list()
    encoder = model.audio.encoder.load(ear / "audio").eval()
    said = encode_corpus(model.host, tower / "host", streams, ids)
    bounds = sound_bounds(store, ids[0], states_per_s=encoder.states_per_s)
    mel = torch.from_numpy(store.stack("mel", ids))
    sound = encode_sound(encoder, mel, bounds=bounds, pieces=model.audio.pieces)
    made = work / "made"
    made.mkdir(exist_ok=True)
    Features.of(said.seen, sound, host_width=said.host_width).save(made / "features.safetensors")
    finish(made, encoded)
