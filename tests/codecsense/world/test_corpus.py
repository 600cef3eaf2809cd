"""Clips as files: key frames exactly at the anchors, the sound in its place, and the same bytes every time."""

from pathlib import Path

import av
import numpy as np
import pytest

from codecsense.world import WorldConfig, corpus, render, sound
from codecsense.world.script import Script


@pytest.fixture(scope="module")
def folder(all_scripts: list[Script], world: WorldConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("clips")
    corpus.film(all_scripts[:10], world.model_copy(update={"workers": 1}), place)
    return place


def test_the_number_of_workers_changes_no_byte(
    all_scripts: list[Script], world: WorldConfig, folder: Path, tmp_path: Path
):
    corpus.film(all_scripts[:10], world.model_copy(update={"workers": 2}), tmp_path)
    assert contents(tmp_path) == contents(folder)


def test_rendering_goes_on_where_it_was_killed(
    all_scripts: list[Script], world: WorldConfig, folder: Path, tmp_path: Path
):
    """Finished clips are kept, a half-written one is made again under its own name."""
    corpus.film(all_scripts[:3], world, tmp_path)
    kept = (tmp_path / "train_00000.mp4").stat().st_mtime_ns
    (tmp_path / ".train_00003.mp4.unfinished").write_bytes(b"half")
    corpus.film(all_scripts[:10], world, tmp_path)
    assert (tmp_path / "train_00000.mp4").stat().st_mtime_ns == kept
    assert contents(tmp_path) == contents(folder)


def test_key_frames_stand_at_the_anchors_and_nowhere_else(folder: Path):
    for file in folder.glob("*.mp4"):
        with av.open(str(file)) as container:
            types = [frame.pict_type for frame in container.decode(video=0)]
        assert [n for n, each in enumerate(types) if each == av.video.frame.PictureType.I] == [0, 16, 32, 48]
        assert set(types) == {av.video.frame.PictureType.I, av.video.frame.PictureType.P}


def test_packets_of_key_frames_are_flagged_so_that_the_file_can_be_cut_there(folder: Path):
    with av.open(str(folder / "train_00000.mp4")) as container:
        flags = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert [n for n, key in enumerate(flags) if key] == [0, 16, 32, 48]


def test_a_file_tells_nothing_but_pictures_and_sound(all_scripts: list[Script], folder: Path):
    with av.open(str(folder / "train_00000.mp4")) as container:
        assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        told = {key for stream in container.streams for key in stream.metadata}
    assert told <= {"language", "handler_name", "vendor_id", "encoder"}


def test_decoded_pictures_are_those_that_were_rendered(all_scripts: list[Script], world: WorldConfig, folder: Path):
    """In lightness, since H.264 halves the resolution of colour; 34 dB is what crf 22 leaves of the noisy ground."""
    weights = [0.299, 0.587, 0.114]
    rendered = render.frames(all_scripts[0], world) @ weights
    with av.open(str(folder / "train_00000.mp4")) as container:
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]) @ weights
    assert 10 * np.log10(255**2 / np.square(decoded - rendered).mean()) > 34


@pytest.mark.parametrize("number", range(5))
def test_each_pitch_is_heard_in_its_interval_as_often_as_it_is_counted(
    all_scripts: list[Script], world: WorldConfig, folder: Path, number: int
):
    script = all_scripts[number]
    with av.open(str(folder / f"{script.clip_id}.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert abs(len(heard) / 16000 - 49 / 12) < 0.1
    interval = round(16 / 12 * 16000)
    for n in range(3):
        piece = heard[n * interval : (n + 1) * interval]
        pitch_hz = np.abs(np.fft.rfft(piece)).argmax() * 16000 / len(piece)
        assert pitch_hz == pytest.approx(sound.PITCH_HZ[script.pitches[n]], rel=0.03)
        loud = np.convolve(np.abs(piece), np.ones(480) / 480, mode="same") > 0.05
        assert np.count_nonzero(loud[1:] & ~loud[:-1]) == script.beeps[n]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.mp4")}
