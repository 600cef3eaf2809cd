"""Clips in memory: rows follow the ids asked for, and moments fall into their intervals."""

from pathlib import Path

import pytest
import tiny_twins
import torch

from codecsense.audio.branch import pool
from codecsense.clips import Clips, Features, at_anchors, encode_sound, encode_tower, sound_bounds, squared
from codecsense.streams.store import StreamStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StreamStore:
    return tiny_twins.store(tmp_path_factory.mktemp("streams"), 5)


def test_rows_follow_the_ids_asked_for(store: StreamStore):
    features = tiny_twins.features(5)
    clips = Clips(["clip_004", "clip_001"], features, store)
    batch = clips.batch(torch.tensor([1, 0]))
    assert torch.equal(batch.tower, features.tower[[1, 4]].float())
    assert torch.equal(batch.sound, features.sound[[1, 4]].float())
    assert torch.equal(batch.tri.mv[0], torch.from_numpy(store.get("mv", "clip_001").copy()).float())
    assert torch.equal(batch.tri.residual[1], torch.from_numpy(store.get("residual", "clip_004").copy()).float())
    assert torch.equal(batch.tri.mask[1], torch.from_numpy(store.get("map_mask", "clip_004").copy()))


def test_an_interval_has_its_opening_anchor_and_the_frames_inside_it(store: StreamStore):
    features = tiny_twins.features(5)
    tri = Clips(tiny_twins.ids(5), features, store).batch(torch.tensor([3])).tri
    assert torch.equal(tri.context[0], features.tower[3, [0, 2, 4]].float())
    assert torch.equal(tri.frames[0, :, 0], features.tower[3, [1, 3, 5]].float())


def test_opening_anchors_come_as_pictures_no_larger_than_an_encoder_wants_them(
    store: StreamStore, monkeypatch: pytest.MonkeyPatch
):
    anchors = torch.from_numpy(store.get("anchors", "clip_003").copy())
    small = Clips(tiny_twins.ids(5), tiny_twins.features(5), store).batch(torch.tensor([3])).tri
    assert torch.equal(small.pictures[0], anchors[:-1])
    monkeypatch.setattr("codecsense.clips.CONTEXT_PX", 8)
    shrunk = Clips(tiny_twins.ids(5), tiny_twins.features(5), store).batch(torch.tensor([3, 1])).tri
    assert shrunk.pictures.shape == (2, tiny_twins.INTERVALS, 8, 8, 3)
    assert abs(shrunk.pictures[0].float().mean() - anchors[:-1].float().mean()) < 1
    unseen = Clips(tiny_twins.ids(5), tiny_twins.features(5), store, looked_at=False).batch(torch.tensor([3])).tri
    assert unseen.pictures is None
    assert torch.equal(unseen.mv, small.mv)


def test_clips_without_streams_are_named(store: StreamStore):
    with pytest.raises(ValueError, match="2 clips have no streams, first: stranger"):
        Clips(["clip_000", "stranger", "other"], tiny_twins.features(5), store)


def test_features_of_another_store_are_refused(store: StreamStore):
    """They used to be taken row by row, each clip with the sight of another."""
    with pytest.raises(ValueError, match=r"features of 4 clips.*5"):
        Clips(["clip_000"], tiny_twins.features(4), store)


def test_features_come_back_as_they_were_written(tmp_path: Path):
    features = tiny_twins.features(3)
    features.save(tmp_path / "features.safetensors")
    again = Features.read(tmp_path / "features.safetensors")
    assert torch.equal(again.tower, features.tower)
    assert torch.equal(again.sound, features.sound)


def test_what_a_host_sees_at_further_depths_is_kept_beside_its_tower_s_last_word(store: StreamStore, tmp_path: Path):
    plain = tiny_twins.features(5)
    seen = torch.cat([plain.tower, torch.randn(*plain.tower.shape[:3], 2 * tiny_twins.WIDTH).half()], dim=-1)
    Features.of(seen, plain.sound, host_width=tiny_twins.WIDTH).save(tmp_path / "features.safetensors")
    clips = Clips(tiny_twins.ids(5), Features.read(tmp_path / "features.safetensors"), store)
    assert clips.shapes == tiny_twins.SHAPES
    batch = clips.batch(torch.tensor([3, 1]))
    assert batch.deep is not None
    assert torch.equal(torch.cat([batch.tower, batch.deep], dim=-1), seen[[3, 1]].float())
    assert Features.of(plain.tower, plain.sound, host_width=tiny_twins.WIDTH).deep is None


def test_the_tower_sees_every_moment_alone():
    host = tiny_twins.host()
    pictures = torch.randint(0, 256, (3, 2, 16, 16, 3), dtype=torch.uint8)
    states = encode_tower(host, pictures)
    assert states.shape == (3, 2, 4, host.width)
    alone = host.encode_pictures(pictures[2, 1:2])[0]
    torch.testing.assert_close(states[2, 1].float(), alone, atol=2e-3, rtol=2e-3)  # half precision


def test_pictures_of_any_shape_are_shown_as_squares_of_one_size():
    host, side = tiny_twins.host(), tiny_twins.PICTURE_PX
    ramp = torch.arange(3 * side).repeat(2, 1, 2 * side, 1).permute(0, 2, 3, 1).expand(-1, -1, -1, 3).to(torch.uint8)
    assert ramp.shape == (2, 2 * side, 3 * side, 3)
    small = squared(ramp, side)
    assert torch.equal(small[..., 0], torch.arange(1, 3 * side, 3).expand(2, side, -1).to(torch.uint8))
    assert squared(small, side) is small
    states = encode_tower(host, ramp[None])
    assert torch.equal(states, encode_tower(host, small[None]))


def test_sound_is_pooled_over_equal_stretches_of_each_interval():
    states = torch.arange(12.0).reshape(1, 12, 1)
    pooled = pool(states, bounds=[0.0, 4.0, 8.0], pieces=2)
    assert pooled[0, :, :, 0].tolist() == [[0.5, 2.5], [4.5, 6.5]]


def test_every_clip_is_heard_in_its_intervals(store: StreamStore):
    encoder = tiny_twins.settings().audio.encoder.build(mels=8, steps=400, seed=0)
    bounds = sound_bounds(store, "clip_000", states_per_s=encoder.states_per_s)
    assert bounds == [0.0, 50.0, 100.0, 150.0]
    heard = encode_sound(encoder, torch.randn(3, 8, 400), bounds=bounds, pieces=2, batch=2)
    assert heard.shape == (3, 3, 2, tiny_twins.SOUND_WIDTH)


def test_what_is_read_of_an_anchor_is_every_depth_of_the_tower(store: StreamStore):
    flat = tiny_twins.features(5)
    deep = torch.randn(*flat.tower.shape[:-1], 3).half()
    shown = ["clip_003", "clip_000"]
    step = (flat.tower.shape[1] - 1) // tiny_twins.INTERVALS
    assert torch.equal(at_anchors(shown, flat, store), flat.tower[[3, 0], ::step])
    both = at_anchors(shown, flat._replace(deep=deep), store)
    assert torch.equal(both, torch.cat([flat.tower, deep], dim=-1)[[3, 0], ::step])
