"""Our H.264 reader against FFmpeg: vectors from its export, the residual from its pictures."""

import os
import subprocess
import sys
from pathlib import Path

import av
import h264_clips
import numpy as np
import pytest
from h264_clips import QUICK, Case

from codecsense.codecs.h264 import UnsupportedError
from codecsense.codecs.h264.headers import left_out, num_references
from codecsense.codecs.h264.registers import IN_16X16, IN_EIGHT, IN_PCM, INTRA_SHAPE
from codecsense.codecs.h264.stream import Picture, Stream
from codecsense.codecs.known_clips import ENCODINGS, render, write

WHOLE_PIXELS = "subme=0:no-deblock=1:weightp=0:weightb=0:ref=3:b-adapt=0:8x8dct=1:partitions=all:qp=24"

READS_OUTSIDE = """
import sys
import numpy as np
from numba import njit
from codecsense.codecs.h264.kernels import OPTIONS
from codecsense.codecs.h264.memory import memory_of

as_numbers = memory_of("numbers")
at = njit(**OPTIONS)(lambda numbers, place: as_numbers(numbers)[place])
assert at(np.arange(4), 3) == 3
for place in (-1, 4):
    try:
        at(np.arange(4), place)
    except IndexError:
        continue
    sys.exit(f"place {place} of 4 was read")
"""


def compared(path: Path) -> int:
    """The number of vectors that FFmpeg exports of a file, all of which are ours."""
    ours, exported = h264_clips.read(path), h264_clips.exported(path)
    assert exported
    for pts, blocks in exported.items():
        assert h264_clips.differs(ours[pts], blocks) == "", f"{path.name} at {pts}, {ours[pts].kind}"
    return sum(map(len, exported.values()))


@pytest.mark.parametrize("name", QUICK)
def test_vectors_are_those_that_ffmpeg_exports(tmp_path: Path, name: str):
    case = QUICK[name]
    path = h264_clips.encode(case, tmp_path / f"{name}.mp4")
    assert compared(path) > 0 or case.noise
    if case.noise:
        assert any((picture.flags & IN_PCM).any() for picture in h264_clips.read(path).values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bikes_h264.mp4", "bunny_h264_surround.mp4"])
def test_vectors_of_real_clips_are_those_that_ffmpeg_exports(real: Path, name: str):
    assert compared(real / name) > 100_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_vectors_are_those_that_ffmpeg_exports_however_x264_encodes(tmp_path: Path):
    for name, case in h264_clips.every_way().items():
        assert compared(h264_clips.encode(case, tmp_path / f"{name.replace(' ', '_')}.mp4")) > 0, name


@pytest.mark.parametrize(
    "coder",
    [
        pytest.param("cabac=1:bframes=0", marks=pytest.mark.slow),
        "cabac=0:bframes=0",
        pytest.param("cabac=1:bframes=2:direct=temporal", marks=pytest.mark.slow),
    ],
)
def test_prediction_by_whole_pixels_plus_the_residual_is_the_decoded_picture(tmp_path: Path, coder: str):
    path = h264_clips.encode(Case(f"{WHOLE_PIXELS}:{coder}"), tmp_path / "clip.mp4")
    ours = h264_clips.read(path, with_coefficients=True)
    decoded = dict(_decoded(path))
    by_identity = {picture.identity: decoded[pts] for pts, picture in ours.items()}
    checked, with_eight = 0, 0
    for pts, picture in ours.items():
        residual = picture.residual()
        for row, column in np.argwhere(picture.indices.max(0) >= 0):
            block = _predicted(picture, by_identity, row, column)
            if block is None:
                continue
            place = (slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8))
            assert np.array_equal(np.clip(block + residual[place], 0, 255), decoded[pts][place]), (pts, row, column)
            checked += bool(residual[place].any())
            with_eight += bool(picture.flags[row // 2, column // 2] & IN_EIGHT) and bool(residual[place].any())
    assert checked > 500
    assert with_eight > 50


def _decoded(path: Path) -> list[tuple[int | None, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(frame.pts, frame.to_ndarray()[: frame.height]) for frame in container.decode(video=0)]


def _predicted(picture: Picture, by_identity: dict[int, np.ndarray], row: int, column: int) -> np.ndarray | None:
    """What a quarter is predicted to be; None where a vector points between pixels."""
    found = []
    for number in range(2):
        if picture.indices[number, row, column] < 0:
            continue
        luma = by_identity[int(picture.references[number, row, column])].astype(np.int32)
        block = np.zeros((8, 8), np.int32)
        for y in (0, 4):
            for x in (0, 4):
                vector = picture.vectors[number, 2 * row + y // 4, 2 * column + x // 4].astype(int)
                if (vector % 4).any():
                    return None
                down = np.clip(8 * row + y + np.arange(4) + vector[1] // 4, 0, luma.shape[0] - 1)
                across = np.clip(8 * column + x + np.arange(4) + vector[0] // 4, 0, luma.shape[1] - 1)
                block[y : y + 4, x : x + 4] = luma[np.ix_(down, across)]
        found.append(block)
    return found[0] if len(found) == 1 else (found[0] + found[1] + 1) >> 1


@pytest.mark.parametrize("coder", [0, 1])
def test_energy_from_levels_is_that_of_the_residual_picture(tmp_path: Path, coder: int):
    path = h264_clips.encode(Case(f"cabac={coder}:qp=26:keyint=4:partitions=all"), tmp_path / "clip.mp4")
    kinds = 0
    for picture in h264_clips.read(path, with_coefficients=True).values():
        squares = picture.residual().astype(float) ** 2
        rows, columns = squares.shape
        exact = squares.reshape(rows // 16, 16, columns // 16, 16).sum((1, 3))
        ours = picture.energy.reshape(rows // 16, 4, columns // 16, 4).sum((1, 3))
        assert np.abs(np.sqrt(ours) - np.sqrt(exact)).max() <= 8  # 256 samples are rounded by half at most
        intra = picture.shapes == INTRA_SHAPE
        kinds |= int((picture.flags[intra] & (IN_16X16 | IN_EIGHT)).max(initial=0))
    assert kinds


def test_the_true_reference_is_told_where_there_are_several(tmp_path: Path):
    path = h264_clips.encode(QUICK["cabac"], tmp_path / "clip.mp4")
    distances = set()
    for picture in h264_clips.read(path).values():
        used = picture.indices >= 0
        distances |= set((picture.identity - picture.references[used]).tolist())
    assert len(distances) > 3
    assert min(distances) > 0


def test_quantisers_are_those_that_ffmpeg_exports(real: Path):
    path = real / "bikes_h264.mp4"
    ours = h264_clips.read(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"export_side_data": "+venc_params"}
        for number, frame in enumerate(container.decode(stream)):
            told = next(data for data in frame.side_data if data.type.name == "VIDEO_ENC_PARAMS")
            assert np.array_equal(told.qp_map(), ours[frame.pts].qp)
            if number == 20:
                return


@pytest.mark.parametrize("encoding", ["h264_10bit", "h264_444"])
def test_what_is_left_out_is_said_at_the_first_parameter_set(tmp_path: Path, encoding: str):
    path = tmp_path / f"clip{ENCODINGS[encoding].suffix}"
    write(render("pan", width=64, height=64, num_frames=3, seed=0), path, ENCODINGS[encoding])
    extradata, found = h264_clips.packets(path)
    assert left_out(extradata, [packet for _, packet in found])
    with pytest.raises(UnsupportedError, match="bits|chroma"):
        Stream(extradata)


def test_interlaced_coding_is_left_out(tmp_path: Path):
    path = h264_clips.encode(Case("tff=1", num_pictures=4), tmp_path / "clip.mp4")
    extradata, found = h264_clips.packets(path)
    assert left_out(extradata, [packet for _, packet in found]) == "interlaced coding"


def test_the_sequence_says_how_many_references_there_are(tmp_path: Path):
    for count in (1, 3):
        path = h264_clips.encode(Case(f"ref={count}:bframes=0", num_pictures=2), tmp_path / f"{count}.mp4")
        assert num_references(h264_clips.packets(path)[0]) == count
    assert num_references(None) == num_references(b"") == num_references(b"\1\2\3") == 0


def mutated(packet: bytes, noise: np.random.Generator) -> bytes:
    """The packet with some bytes changed, cut, or doubled; its first length is left alone half of the time."""
    changed = bytearray(packet)
    for _ in range(int(noise.integers(1, 6))):
        changed[int(noise.integers(len(changed)))] = int(noise.integers(256))
    if noise.random() < 0.2:
        del changed[int(noise.integers(len(changed))) :]
    return bytes(changed)


@pytest.mark.parametrize("name", ["cabac", "slices"])
def test_damage_is_said_and_reading_goes_on_at_the_next_idr(tmp_path: Path, name: str):
    path = h264_clips.encode(QUICK[name]._replace(params=QUICK[name].params + ":keyint=8"), tmp_path / "clip.mp4")
    extradata, found = h264_clips.packets(path)
    whole = h264_clips.read(path)
    noise = np.random.default_rng(0)
    told = 0
    for _ in range(30):
        stream = Stream(extradata)
        hit = int(noise.integers(1, 8))
        pictures = [stream.read(mutated(data, noise) if at == hit else data) for at, (_, data) in enumerate(found)]
        told += pictures[hit] is None or bool(pictures[hit].damage)
        last, (pts, _) = pictures[-1], found[-1]
        assert last is not None
        assert not last.damage
        assert np.array_equal(last.indices, whole[pts].indices)
    assert told > 10


def test_where_bounds_are_checked_no_place_outside_an_array_is_read():
    """The fuzz campaign believes this; numba's own arrays would count a negative place from the end."""
    checked = os.environ | {"NUMBA_BOUNDSCHECK": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READS_OUTSIDE], env=checked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
