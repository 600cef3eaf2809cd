from pathlib import Path

import h264_clips
import polars as pl
import pytest

from codecsense.codecs.audit import audit_file
from codecsense.codecs.corpus import Entry, list_corpus
from codecsense.codecs.packets import read_packets
from codecsense.codecs.settings import AuditConfig
from codecsense.codecs.survey import distribute, gate, survey
from codecsense.schemas import audit as table
from codecsense.schemas.audit import Audit

# What FFmpeg's own decoder delivers of each real clip: codec, pictures, key frames, route, sound.
FOUND = {
    "bikes_av1.mp4": ("av1", 250, 2, "estimated", 0),
    "bikes_h264.mp4": ("h264", 250, 6, "native", 0),
    "bikes_hevc.mkv": ("hevc", 103, 3, "estimated", 0),
    "bikes_vp8.webm": ("vp8", 76, 1, "estimated", 0),
    "bikes_vp9.webm": ("vp9", 51, 1, "estimated", 0),
    "bikes_wmv2.wmv": ("wmv2", 51, 5, "native", 0),
    "bunny_h264_surround.mp4": ("h264", 38, 1, "native", 1),
    "city_mpeg2.mpg": ("mpeg2video", 27, 3, "native", 0),
    "flv1.flv": ("flv1", 99, 10, "native", 0),
    "mpeg4.avi": ("mpeg4", 150, 13, "native", 1),
    "vp6f.flv": ("vp6f", 6, 6, "estimated", 0),
}


@pytest.fixture(scope="module")
def odd(unusual_files: dict[str, Path], audit_settings: AuditConfig) -> dict[str, dict[str, object]]:
    found = {}
    for name, path in unusual_files.items():
        found[name] = audit_file(path.parent, Entry(name, path.name), audit_settings)
    return found


@pytest.mark.parametrize("clip", FOUND)
def test_real_clips_are_what_they_are(real: Path, audit_settings: AuditConfig, clip: str):
    row = audit_file(real, Entry("clip", clip), audit_settings)
    assert row["readable"], row["reason"]
    assert tuple(row[key] for key in ("codec", "num_frames", "num_keys", "route", "num_audio")) == FOUND[clip]


@pytest.mark.parametrize(
    ("clip", "column", "value"),
    [
        ("ten_bits", "pixel_format", "yuv420p10le"),
        ("full_chroma", "pixel_format", "yuv444p"),
        ("interlaced", "interlaced", True),
        ("rotated", "rotation_deg", 270),
        ("rotated", "num_references", 1),
        ("edit_list", "num_references", 4),
        ("ten_bits", "num_references", 4),
        ("uneven", "variable_rate", True),
        ("open_gop", "has_b_frames", True),
        ("open_gop", "num_keys", 4),
        ("without_stamps", "num_frames", 20),
        ("odd_size", "width", 131),
        ("sound_only", "reason", "no video stream"),
        ("cover_art", "reason", "no video stream (cover art only)"),
        ("one_picture", "reason", "a single picture, not a video"),
    ],
)
def test_unusual_files_are_recognised(odd: dict[str, dict[str, object]], clip: str, column: str, value: object):
    assert odd[clip][column] == value


def test_counts_are_counted_and_not_believed(real: Path, tmp_path: Path, audit_settings: AuditConfig):
    """A truncated file whose header still promises everything has the pictures that are left."""
    whole = (real / "bikes_wmv2.wmv").read_bytes()
    (tmp_path / "half.wmv").write_bytes(whole[: len(whole) // 2])
    row = audit_file(tmp_path, Entry("half", "half.wmv"), audit_settings)
    assert 10 < int(row["num_frames"]) < 45


def test_a_file_without_its_first_key_frame_is_still_readable(real: Path, tmp_path: Path, audit_settings: AuditConfig):
    data = bytearray((real / "city_mpeg2.mpg").read_bytes())
    del data[20_000:90_000]
    (tmp_path / "headless.mpg").write_bytes(data)
    assert audit_file(tmp_path, Entry("headless", "headless.mpg"), audit_settings)["readable"]


def test_packets_without_stamps_are_counted_in_coding_order(unusual_files: dict[str, Path]):
    packets = read_packets(unusual_files["without_stamps"])
    assert len(packets) == 20
    assert packets.duration_s == pytest.approx(0.8)
    assert not packets.ranks


@pytest.fixture(scope="module")
def surveyed(real: Path, tmp_path_factory: pytest.TempPathFactory, audit_settings: AuditConfig) -> pl.DataFrame:
    corpus, scratch = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("scratch")
    for source, name in [("flv1.flv", "a.flv"), ("flv1.flv", "z/same.flv"), ("vp6f.flv", "b.flv")]:
        (corpus / name).parent.mkdir(exist_ok=True)
        (corpus / name).write_bytes((real / source).read_bytes())
    (corpus / "c.mp4").write_bytes(b"not a video at all")
    return survey(list_corpus(corpus), audit_settings, scratch=scratch, num_workers=1)


def test_an_audit_that_was_killed_goes_on_where_it_was(real: Path, tmp_path: Path, audit_settings: AuditConfig):
    corpus, scratch = tmp_path / "corpus", tmp_path / "scratch"
    for folder in (corpus, scratch):
        folder.mkdir()
    for name in ("flv1.flv", "vp6f.flv"):
        (corpus / name).write_bytes((real / name).read_bytes())
    settings = audit_settings.model_copy(update={"files_per_batch": 1})
    whole = survey(list_corpus(corpus), settings, scratch=scratch, num_workers=1)
    first, second = sorted(scratch.iterdir())
    second.unlink()
    (scratch / f".{second.name}.unfinished").write_text("[{")
    stamp = first.stat().st_mtime_ns
    assert survey(list_corpus(corpus), settings, scratch=scratch, num_workers=1).equals(whole)
    assert first.stat().st_mtime_ns == stamp


def test_duplicates_name_the_first_of_their_kind(surveyed: pl.DataFrame):
    found = dict(surveyed.select(Audit.video_id, Audit.duplicate_of).iter_rows())
    assert found == {"a": "", "b": "", "c": "", "z/same": "a"}


def test_the_distribution_counts_every_file_once(surveyed: pl.DataFrame):
    lines = {line["codec"]: line for line in distribute(surveyed)}
    assert {codec: line["videos"] for codec, line in lines.items()} == {"flv1": 2, "vp6f": 1, "unreadable": 1}
    assert lines["vp6f"]["reported_share"] == pytest.approx(378 / 180_480)


def test_too_much_unreadable_stops_the_pipeline(surveyed: pl.DataFrame, audit_settings: AuditConfig):
    with pytest.raises(ValueError, match=r"1 of 4 files are unreadable \(25.0%\), allowed are 10.0%"):
        gate(surveyed, audit_settings.model_copy(update={"max_unreadable_share": 0.1}))
    gate(surveyed, audit_settings.model_copy(update={"max_unreadable_share": 0.25}))


def test_the_audit_is_a_table_that_can_be_read_back(surveyed: pl.DataFrame, tmp_path: Path):
    table.write(surveyed, tmp_path / "audit.parquet")
    assert table.read(tmp_path / "audit.parquet").equals(surveyed)


def test_the_audit_says_which_h264_files_give_their_motion_without_decoding(
    real: Path, tmp_path: Path, audit_settings: AuditConfig
):
    path = h264_clips.encode(h264_clips.Case("tff=1", num_pictures=12), tmp_path / "interlaced.mp4")
    interlaced = audit_file(tmp_path, Entry("clip", path.name), audit_settings)
    plain = audit_file(real, Entry("clip", "bikes_h264.mp4"), audit_settings)
    assert interlaced["route"] == plain["route"] == "native"
    assert str(interlaced["why"]).endswith("not without decoding: interlaced coding")
    assert str(plain["why"]).endswith("to be had without decoding")
