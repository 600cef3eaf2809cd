"""The promises of `codecsense.codecs`, held by every file of `backends/` on clips whose motion is known exactly.

The clips are encoded here by FFmpeg's own encoders, in every codec that it can write and a backend may meet.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from codecsense.codecs import Backend, BackendConfig, Field, Grid, Source, Span
from codecsense.codecs.audit import audit_file
from codecsense.codecs.container import opened, video_stream
from codecsense.codecs.corpus import Entry
from codecsense.codecs.decoding import Video
from codecsense.codecs.known_clips import ENCODINGS, FLASH_PERIOD, Clip, Motion, render, write
from codecsense.codecs.packets import read_packets
from codecsense.codecs.settings import AuditConfig, ResidualConfig
from codecsense.config import variants

WIDTH, HEIGHT, NUM_FRAMES = 256, 192, 26
GRID = Grid(6, 8)
RESIDUAL = ResidualConfig(kind="compensated", luma_divisor=4, min_samples_per_cell=8)
AUDIT = AuditConfig(
    probed_pictures=16, min_vector_share=0.5, max_unreadable_share=0.0, files_per_batch=8, limit_s_per_file=60.0
)

DECODING = {"pictures": "all", "loop_filter": True}
FLOW = {"preset": "fast", "width_px": 256}
NATIVE = {"name": "native", "decoding": DECODING, "fill": FLOW, "quantisers": True}
ESTIMATED = {"name": "estimated", "decoding": DECODING, "flow": FLOW}
EXAMPLES = {  # a value for every field that the settings of a backend may have
    "decoding": DECODING,
    "fill": FLOW,
    "flow": FLOW,
    "quantisers": True,
    "accumulate": True,
    "native": NATIVE,
    "estimated": ESTIMATED,
    "gpu": 0,
}
TOLERANCE_PX = {"native": 0.1, "estimated": 0.25, "routed": 0.25, "coviar": 0.35, "nvdec": 0.25, "parsed": 0.25}
PARSED = ["h264", "h264_b", "h264_10bit", "hevc", "mpeg4"]  # and one of each other way that a file may go
ONLY = {"coviar": ["mpeg4", "mpeg4_b"], "nvdec": ["h264", "h264_b", "hevc"], "parsed": PARSED}


def settings_of(backend: str) -> BackendConfig:
    settings: type[BackendConfig] = importlib.import_module(f"codecsense.codecs.backends.{backend}").Settings
    values = {name: EXAMPLES[name] for name in settings.model_fields if name != "name"}
    return settings.model_validate({"name": backend, **values})


def usable(backend: str) -> bool:
    """Whether this machine has what the backend needs."""
    try:
        settings_of(backend).require()
    except ValueError:
        return False
    return True


BACKENDS = [name for name in variants("codecsense.codecs.backends") if usable(name)]
WITH_VECTORS = {name for name in ENCODINGS if name.startswith(("h26", "mpeg", "flv", "msmpeg", "wmv", "rv", "snow"))}
CASES = [(backend, encoding) for backend in BACKENDS for encoding in ONLY.get(backend, list(ENCODINGS))]
CLOSELY = ["h264_b", "mpeg2", "hevc", "mpeg4"]
CASES_LOOKED_AT_CLOSELY = [case for case in CASES if case[1] in CLOSELY]


class Read(NamedTuple):
    """A clip and what a backend says of it."""

    clip: Clip
    fields: list[Field]


Reads = Callable[[str, Motion, str], Read]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Motion, str], tuple[Clip, Path]]:
    """Renders and encodes a clip when it is first asked for."""
    cv2.setNumThreads(1)
    folder = tmp_path_factory.mktemp("known")
    rendered: dict[Motion, Clip] = {}

    def clip(motion: Motion, encoding: str) -> tuple[Clip, Path]:
        if motion not in rendered:
            rendered[motion] = render(motion, width=WIDTH, height=HEIGHT, num_frames=NUM_FRAMES, seed=1)
        path = folder / f"{motion}-{encoding}{ENCODINGS[encoding].suffix}"
        if not path.exists():
            write(rendered[motion], path, ENCODINGS[encoding])
        return rendered[motion], path

    return clip


@pytest.fixture(scope="module")
def reads(clips: Callable[[Motion, str], tuple[Clip, Path]]) -> Reads:
    """Reads a clip with a backend, by the route that the audit finds, once."""
    known: dict[tuple[str, Motion, str], Read] = {}

    def read(backend: str, motion: Motion, encoding: str) -> Read:
        key = (backend, motion, encoding)
        if key not in known:
            clip, path = clips(motion, encoding)
            route = str(audit_file(path.parent, Entry("clip", path.name), AUDIT)["route"])
            known[key] = Read(clip, fields_of(path, build(backend, route)))
        return known[key]

    return read


def build(backend: str, route: str) -> Backend:
    return settings_of(backend).build(grid=GRID, residual=RESIDUAL, route=route)


def fields_of(path: Path, backend: Backend) -> list[Field]:
    packets = read_packets(path)
    with opened(path) as container:
        video = Video(container, video_stream(container), packets)
        reader = backend.reader(video)
        fields = [field for decoded in backend.decode(video, [Span(0, len(packets))]) for field in reader.feed(decoded)]
        return fields + reader.finish()


def errors_px(read: Read) -> np.ndarray:
    """Distance from the true velocity, for every field with motion and every cell not at the edge of the picture."""
    known = [field for field in read.fields if field.source != Source.none and field.motion[2].mean() > 0.5]
    assert known, "no field has motion"
    rows = (np.arange(GRID.rows) + 0.5) * HEIGHT / GRID.rows
    columns = (np.arange(GRID.columns) + 0.5) * WIDTH / GRID.columns
    truth = read.clip.velocity(*np.meshgrid(columns, rows))
    found = np.stack([field.motion[:2] / np.maximum(field.motion[2], 1e-6) for field in known])
    distance: np.ndarray = np.linalg.norm(found - truth, axis=1)
    return distance[:, 1:-1, 1:-1]


@pytest.mark.parametrize(("backend", "encoding"), CASES)
def test_a_pan_of_five_pixels_reads_as_five_pixels_per_frame(reads: Reads, backend: str, encoding: str):
    read = reads(backend, "pan", encoding)
    if all(field.source == Source.none for field in read.fields):
        assert backend == "native", "only the native backend may find nothing"
        assert encoding not in WITH_VECTORS
        return
    assert np.median(errors_px(read)) < TOLERANCE_PX[backend]


@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_every_picture_has_one_field_in_display_order(reads: Reads, backend: str, encoding: str):
    fields = reads(backend, "pan", encoding).fields
    assert [field.rank for field in fields] == list(range(NUM_FRAMES))
    assert np.allclose(np.diff([field.time_s for field in fields]), 1 / 25, atol=2e-3)


@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_fields_are_finite_and_of_the_grid(reads: Reads, backend: str, encoding: str):
    for field in reads(backend, "cut", encoding).fields:
        assert field.motion.shape == (3, *GRID)
        assert field.motion.dtype == np.float32
        assert np.isfinite(field.motion).all()
        assert (field.motion[2] >= 0).all()
        assert (field.motion[2] <= 1 + 1e-5).all()
        if field.residual is not None:
            assert field.residual.shape == GRID
            assert (field.residual >= 0).all()


@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_a_field_without_source_claims_nothing(reads: Reads, backend: str, encoding: str):
    for field in reads(backend, "pan", encoding).fields:
        if field.source == Source.none:
            assert not field.motion.any()


@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_a_still_clip_has_no_motion(reads: Reads, backend: str, encoding: str):
    read = reads(backend, "still", encoding)
    if any(field.source != Source.none for field in read.fields):
        assert np.percentile(errors_px(read), 90) < 0.35


@pytest.mark.parametrize("motion", ["zoom", "rotation"])
@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_zoom_and_rotation_keep_their_signs_and_their_size(reads: Reads, backend: str, encoding: str, motion: Motion):
    read = reads(backend, motion, encoding)
    if any(field.source != Source.none for field in read.fields):
        assert np.median(errors_px(read)) < 0.5


@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_a_cut_is_seen_by_the_residual_or_by_a_lack_of_motion(reads: Reads, backend: str, encoding: str):
    fields = reads(backend, "cut", encoding).fields
    if all(field.source == Source.none for field in fields):
        return
    cut = next(field for field in fields if field.rank == NUM_FRAMES // 2)
    usual = np.median([field.residual.mean() for field in fields[1:] if field.residual is not None])
    assert cut.source == Source.none or (cut.residual is not None and cut.residual.mean() > 10 * max(usual, 0.3))


@pytest.mark.parametrize(("backend", "encoding"), CASES_LOOKED_AT_CLOSELY)
def test_a_flash_is_residual_and_not_motion(reads: Reads, backend: str, encoding: str):
    read = reads(backend, "flash", encoding)
    moved = [field for field in read.fields if field.residual is not None and field.source != Source.none]
    if not moved or (backend == "parsed" and encoding.startswith("h264")):  # a flash may be coded as a weight
        return
    if backend == "coviar":  # its residual is against the I picture, which may itself be dark
        return
    bright = [field.residual.mean() for field in moved if field.rank % FLASH_PERIOD in (0, 1) and field.rank > 1]
    dark = [field.residual.mean() for field in moved if field.rank % FLASH_PERIOD == FLASH_PERIOD // 2]
    assert np.median(dark) > 20 > 10 * np.min(bright)
    if any(field.motion[2].mean() > 0.5 for field in moved):
        assert np.median(errors_px(read)) < 0.1


def test_the_audit_sends_codecs_with_vectors_to_the_native_backend(clips: Callable[[Motion, str], tuple[Clip, Path]]):
    for encoding in ENCODINGS:
        _, path = clips("pan", encoding)
        row = audit_file(path.parent, Entry("clip", path.name), AUDIT)
        if encoding == "mpeg4_b":  # two pictures of three are B pictures, whose vectors are not exported
            assert row["route"] == "estimated"
        else:
            assert row["route"] == ("native" if encoding in WITH_VECTORS else "estimated"), (encoding, row["why"])
