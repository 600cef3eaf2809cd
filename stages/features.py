"""What the frozen tower and audio encoder say of every clip, computed once and shared by every run."""

from pathlib import Path

import torch

from codecsense.clips import Features, encode_sound, encode_tower, moments, sound_bounds
from codecsense.model import Model
from codecsense.progress import track
from codecsense.scratch import finish, folder
from codecsense.streams.store import StreamStore

BATCH = 4  # clips; their pictures fit in a cache, and more at a time are slower


def features(*, model: Model, tower: Path, ear: Path, streams: Path, encoded: Path, scratch: Path) -> None:
    """Write `encoded`: features of all moments (anchors and frames between) and of the sound of all intervals."""
    work = folder(scratch, "features", settings=[model], inputs=[tower, ear, streams])
    store = StreamStore(streams)
    ids = store.index["video_id"].to_list()
    network = model.host.load(tower / "host").eval()
    encoder = model.audio.encoder.load(ear / "audio").eval()
    some = [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]
    seen = torch.cat([encode_tower(network, moments(store, each)) for each in track(some, label="features: pictures")])
    bounds = sound_bounds(store, ids[0], states_per_s=encoder.states_per_s)
    mel = torch.from_numpy(store.stack("mel", ids))
    sound = encode_sound(encoder, mel, bounds=bounds, pieces=model.audio.pieces)
    made = work / "made"
    made.mkdir(exist_ok=True)
    Features.of(seen, sound, host_width=network.width).save(made / "features.safetensors")
    finish(made, encoded)
