"""The arrays of one video are what `codecsense.streams` says they are."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from codecsense.codecs import Source
from codecsense.codecs.container import UnreadableError
from codecsense.codecs.damage import rotate
from codecsense.codecs.known_clips import PAN_PX
from codecsense.codecs.settings import AuditConfig
from codecsense.streams.extraction import extract_one
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.tristream import Extracted

Micro = Callable[[str], Path]


@pytest.fixture
def extract(audit_settings: AuditConfig, settings: ExtractConfig) -> Callable[..., Extracted]:
    def run(path: Path, **changes: object) -> Extracted:
        return extract_one(path, audit_settings, settings.model_copy(update=changes))

    return run


def test_a_micro_clip_has_the_shapes_that_training_expects(extract: Callable[..., Extracted], micro: Micro):
    arrays = extract(micro("pan")).streams
    assert {name: (array.shape, array.dtype.name) for name, array in arrays._asdict().items()} == {
        "anchors": ((4, 96, 96, 3), "uint8"),
        "anchor_time_s": ((4,), "float32"),
        "frames": ((3, 3, 96, 96, 3), "uint8"),
        "mv": ((3, 15, 2, 12, 12), "float16"),
        "cover": ((3, 15, 1, 12, 12), "float16"),
        "residual": ((3, 15, 1, 12, 12), "float16"),
        "map_mask": ((3, 15), "bool"),
        "map_source": ((3, 15), "uint8"),
        "map_time_s": ((3, 15), "float32"),
        "qp": ((3, 15, 0, 12, 12), "float16"),
        "packet_size": ((3, 15), "float32"),
        "mel": ((80, 410), "float16"),
    }


def test_anchors_and_frames_of_a_micro_clip_are_every_fourth_picture(extract: Callable[..., Extracted], micro: Micro):
    with av.open(str(micro("pan"))) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    arrays = extract(micro("pan")).streams
    assert np.array_equal(arrays.anchors, np.stack([pictures[rank] for rank in (0, 16, 32, 48)]))
    between = [pictures[rank] for rank in (4, 8, 12, 20, 24, 28, 36, 40, 44)]
    assert np.array_equal(arrays.frames.reshape(-1, 96, 96, 3), np.stack(between))
    np.testing.assert_allclose(arrays.anchor_time_s, np.array([0, 16, 32, 48]) / 12, atol=1e-3)


def test_every_predicted_picture_of_a_micro_clip_has_its_own_map(extract: Callable[..., Extracted], micro: Micro):
    arrays = extract(micro("pan")).streams
    assert arrays.map_mask.all()
    assert (arrays.map_source == Source.native).all()
    expected = np.array([[start + step for step in range(1, 16)] for start in (0, 16, 32)]) / 12
    np.testing.assert_allclose(arrays.map_time_s, expected, atol=1e-3)


def test_velocity_is_pixels_per_frame_with_x_right_and_y_down(extract: Callable[..., Extracted], micro: Micro):
    velocity = extract(micro("pan")).streams.mv[..., 2:-2, 2:-2].astype(np.float32)
    np.testing.assert_allclose(np.median(velocity, axis=(0, 1, 3, 4)), PAN_PX, atol=0.05)


def test_a_flash_is_in_the_residual_alone(extract: Callable[..., Extracted], micro: Micro):
    arrays = extract(micro("flash")).streams
    assert np.abs(arrays.mv.astype(np.float32)).mean() < 0.1
    assert arrays.residual.astype(np.float32).max(axis=(0, 1, 2)).min() > 20


def test_a_long_interval_shares_its_slots_evenly(extract: Callable[..., Extracted], real: Path):
    arrays = extract(real / "bikes_h264.mp4").streams
    assert arrays.map_mask.all()
    gaps = np.diff(arrays.map_time_s, axis=1)
    assert (gaps > 0).all()
    assert gaps.max() < 2 * gaps.min()


def test_a_short_interval_leaves_slots_empty(extract: Callable[..., Extracted], real: Path):
    arrays = extract(real / "city_mpeg2.mpg").streams
    assert not arrays.map_mask.all()
    assert not arrays.mv[~arrays.map_mask].any()
    assert not arrays.map_source[~arrays.map_mask].any()


def test_skipping_what_nothing_refers_to_keeps_the_anchors_in_place(
    extract: Callable[..., Extracted], settings: ExtractConfig, real: Path
):
    codec = settings.codec.model_dump()
    codec["native"]["decoding"]["pictures"] = "references"
    quick = type(settings.codec).model_validate(codec)
    some, everything = extract(real / "bikes_h264.mp4", codec=quick), extract(real / "bikes_h264.mp4")
    assert some.num_decoded < 0.7 * everything.num_decoded
    assert np.abs(some.streams.anchor_time_s - everything.streams.anchor_time_s).max() <= 0.12
    both = some.streams.map_mask & everything.streams.map_mask
    assert both.mean() > 0.9


def test_most_of_a_video_missing_is_a_reject_that_counts(extract: Callable[..., Extracted], real: Path, tmp_path: Path):
    data = bytearray((real / "bikes_h264.mp4").read_bytes())
    start = data.index(b"mdat") + 30_000
    data[start : start + 400_000] = bytes(400_000)
    (tmp_path / "holed.mp4").write_bytes(data)
    with pytest.raises(UnreadableError, match=r"only \d+ of 250 pictures can be decoded"):
        extract(tmp_path / "holed.mp4")


def test_windows_read_only_part_of_a_video(extract: Callable[..., Extracted], settings: ExtractConfig, real: Path):
    windows = settings.windows.model_copy(update={"per_interval": 1, "length_s": 0.4})
    some, everything = extract(real / "bikes_h264.mp4", windows=windows), extract(real / "bikes_h264.mp4")
    assert some.num_decoded < everything.num_decoded
    assert np.array_equal(some.streams.anchors, everything.streams.anchors)
    assert some.streams.map_mask.any(axis=1).all()


def test_a_channel_of_quantisers_is_there_when_asked_for(
    extract: Callable[..., Extracted], settings: ExtractConfig, micro: Micro
):
    codec = settings.codec.model_dump()
    codec["native"]["quantisers"] = True
    arrays = extract(micro("pan"), codec=type(settings.codec).model_validate(codec)).streams
    assert arrays.qp.shape == (3, 15, 1, 12, 12)
    assert 5 < arrays.qp.astype(np.float32).mean() < 51


def test_a_sideways_video_is_turned_upright_with_its_vectors(
    extract: Callable[..., Extracted], micro: Micro, tmp_path: Path
):
    upright = extract(micro("pan")).streams
    for rotation_deg, (x, y) in {90: (2.0, 5.0), 180: (-5.0, 2.0), 270: (-2.0, -5.0)}.items():
        path = tmp_path / f"{rotation_deg}.mp4"
        path.write_bytes(micro("pan").read_bytes())
        rotate(path, rotation_deg)
        turned = extract(path).streams
        clockwise = -rotation_deg // 90
        assert np.array_equal(turned.anchors, np.rot90(upright.anchors, clockwise, axes=(1, 2)))
        assert np.array_equal(turned.residual, np.rot90(upright.residual, clockwise, axes=(3, 4)))
        velocity = turned.mv[..., 2:-2, 2:-2].astype(np.float32)
        np.testing.assert_allclose(np.median(velocity, axis=(0, 1, 3, 4)), (x, y), atol=0.05)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        ("two_pictures", "2 pictures are fewer than the 4 anchors"),
        ("one_picture", "a single picture"),
        ("sound_only", "no video stream"),
        ("cover_art", "cover art only"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(
    extract: Callable[..., Extracted], unusual_files: dict[str, Path], clip: str, reason: str
):
    with pytest.raises(UnreadableError, match=reason):
        extract(unusual_files[clip])
