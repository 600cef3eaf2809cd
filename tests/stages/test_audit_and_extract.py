"""The two stages that read anyone's videos, on real files of eleven codecs."""

from pathlib import Path

import pytest

from codecsense import config
from codecsense.codecs.settings import AuditConfig
from codecsense.schemas import audit as audit_table
from codecsense.schemas import rejects as rejects_table
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.store import StreamStore
from stages.audit import audit
from stages.extract import extract

ROOT = Path(__file__).parents[2]
VALUES = config.read(ROOT / "params.yaml")
AUDIT = AuditConfig.model_validate(VALUES["audit"] | {"files_per_batch": 8})
EXTRACT = ExtractConfig.model_validate(VALUES["extract"] | {"videos_per_shard": 6, "max_picture_pixels": 20_000})


def audited(corpus: Path, place: Path, settings: AuditConfig = AUDIT) -> Path:
    table = place / "audit.parquet"
    audit(audit=settings, corpus=corpus, table=table, distribution=place / "codecs.json", scratch=place / "scratch")
    return table


def test_real_files_of_every_codec_are_audited_and_extracted(tmp_path: Path):
    table = audited(ROOT / "tests/clips", tmp_path)
    streams = tmp_path / "streams"
    extract(extract=EXTRACT, corpus=ROOT / "tests/clips", audited=table, streams=streams, scratch=tmp_path / "scratch")
    store = StreamStore(streams)
    routes = dict(audit_table.read(table).select("video_id", "route").iter_rows())
    sources = dict(store.index.select("video_id", "motion_source").iter_rows())
    assert sources == routes
    assert len(store) == 11
    assert rejects_table.read(streams / "rejects.parquet").height == 0


def test_too_many_unreadable_files_stop_the_audit_after_its_table_is_written(tmp_path: Path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "bad.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="1 of 1 files are unreadable"):
        audited(corpus, tmp_path)
    assert audit_table.read(tmp_path / "audit.parquet").height == 1


def test_a_corpus_without_a_single_usable_video_is_one_clear_error(tmp_path: Path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "bad.mp4").write_bytes(b"nothing")
    table = audited(corpus, tmp_path, AUDIT.model_copy(update={"max_unreadable_share": 1.0}))
    with pytest.raises(ValueError, match="no video of .* gave streams; .*rejects.parquet says why"):
        extract(
            extract=EXTRACT, corpus=corpus, audited=table, streams=tmp_path / "streams", scratch=tmp_path / "scratch"
        )


def test_a_damaged_audit_names_stage_file_and_column(tmp_path: Path):
    table = audited(ROOT / "tests/clips", tmp_path)
    frame = audit_table.read(table).drop("route")
    frame.write_parquet(table)
    with pytest.raises(ValueError, match=r"audit.parquet, made by stage audit, breaks the rules of Audit:\n.*route"):
        extract(
            extract=EXTRACT,
            corpus=ROOT / "tests/clips",
            audited=table,
            streams=tmp_path / "streams",
            scratch=tmp_path / "scratch",
        )
