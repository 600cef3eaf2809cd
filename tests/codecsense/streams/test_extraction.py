"""Shards: the same bytes however often a run was killed, and a bad video costs one row."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from codecsense import workers
from codecsense.codecs.corpus import list_corpus
from codecsense.codecs.settings import AuditConfig
from codecsense.codecs.survey import survey
from codecsense.schemas import rejects as rejects_table
from codecsense.streams.cutting import Shard, cut
from codecsense.streams.extraction import extract_corpus, gather, make_shard, work_of
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.store import StreamStore

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest) -> ExtractConfig:
    shipped = request.getfixturevalue("settings")
    changes = {"videos_per_shard": 2, "max_picture_pixels": 20_000, "frames_per_interval": 1}
    return shipped.model_copy(update=changes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, real: Path) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("city_mpeg2.mpg", "flv1.flv", "bikes_vp8.webm", "bunny_h264_surround.mp4"):
        (folder / name).write_bytes((real / name).read_bytes())
    (folder / "broken.mp4").write_bytes((real / "bunny_h264_surround.mp4").read_bytes()[:5000])
    return folder


@pytest.fixture(scope="module")
def audited(corpus: Path, audit_settings: AuditConfig, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return survey(list_corpus(corpus), audit_settings, scratch=tmp_path_factory.mktemp("audit"), num_workers=1)


@pytest.fixture(scope="module")
def shards(audited: pl.DataFrame, settings: ExtractConfig) -> list[Shard]:
    return cut(work_of(audited).items, settings)


@pytest.fixture(scope="module")
def undisturbed(
    shards: list[Shard], settings: ExtractConfig, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    extract_corpus(shards, settings, root=corpus, scratch=folder, num_workers=1)
    return folder


@pytest.fixture(scope="module")
def store(
    undisturbed: Path, shards: list[Shard], audited: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> StreamStore:
    folder = tmp_path_factory.mktemp("store") / "streams"
    gather(shards, work_of(audited).rejects, scratch=undisturbed, store=folder)
    return StreamStore(folder)


def test_every_file_is_in_the_index_or_in_the_rejects(store: StreamStore):
    rejected = rejects_table.read(store.folder / "rejects.parquet")
    assert sorted(store.index["video_id"]) == ["bikes_vp8", "bunny_h264_surround", "city_mpeg2", "flv1"]
    assert rejected["video_id"].to_list() == ["broken"]
    assert rejected["reason"][0].startswith("cannot be opened")


def test_a_shard_is_a_safetensors_file(store: StreamStore):
    for shard in store.index["shard"].unique():
        for name, array in load_file(store.folder / shard).items():
            video_id, _, field = name.rpartition("/")
            if field != "padding":
                assert np.array_equal(array, store.get(field, video_id), equal_nan=True)


def test_arrays_are_mapped_aligned_and_read_only(store: StreamStore):
    arrays = store.read("flv1")
    assert all(array.flags.aligned and not array.flags.writeable for array in arrays.values())


def test_an_interval_is_a_slice_of_its_video(store: StreamStore):
    whole, second = store.read("flv1"), store.interval("flv1", 1)
    assert np.array_equal(second["mv"], whole["mv"][1])
    assert np.array_equal(second["anchors"], whole["anchors"][1:3])


def test_one_array_of_many_videos_stands_side_by_side(store: StreamStore):
    stacked = store.stack("mv", ["flv1", "city_mpeg2"])
    assert stacked.shape == (2, 3, 15, 2, 12, 12)
    assert np.array_equal(stacked[1], store.get("mv", "city_mpeg2"))
    with pytest.raises(ValueError, match="`anchors` has shapes"):
        store.stack("anchors", ["flv1", "city_mpeg2"])


def test_a_video_that_is_not_there_is_an_error_that_says_where_to_look(store: StreamStore):
    with pytest.raises(ValueError, match=r"holds no video `broken`; see rejects.parquet"):
        store.get("mv", "broken")


def test_the_index_says_where_motion_came_from(store: StreamStore):
    found = dict(store.index.select("video_id", "motion_source").iter_rows())
    assert found["flv1"] == "native"
    assert found["bikes_vp8"] == "estimated"


def test_a_shards_name_changes_with_settings_content_and_nothing_else(shards: list[Shard], settings: ExtractConfig):
    items = [item for shard in shards for item in shard.items]
    assert cut(items, settings) == shards
    assert cut(items, settings.model_copy(update={"limit_s_per_video": 1.0})) == shards
    finer = settings.model_copy(update={"maps_per_interval": 16})
    edited = [items[0]._replace(content_hash="f" * 32), *items[1:]]
    assert cut(items, finer)[0].name != shards[0].name
    assert cut(edited, settings)[0].name != shards[0].name
    assert cut(edited, settings)[1:] == shards[1:]


def test_a_crash_costs_one_row_and_not_the_shard(
    shards: list[Shard], settings: ExtractConfig, corpus: Path, tmp_path: Path
):
    blamed = {shards[0].items[0].video_id: "the decoder crashed (SIGSEGV)"}
    made = make_shard(shards[0], blamed, lambda item: None, settings=settings, root=corpus, folder=tmp_path)
    assert made == len(shards[0].items) - 1


def _run(shards: list[Shard], settings: ExtractConfig, root: Path, scratch: Path) -> None:
    extract_corpus(shards, settings, root=root, scratch=scratch, num_workers=1)


def test_a_killed_run_resumes_without_repeating_and_with_the_same_bytes(
    shards: list[Shard], settings: ExtractConfig, corpus: Path, undisturbed: Path, tmp_path: Path
):
    victim = multiprocessing.get_context("spawn").Process(target=_run, args=(shards, settings, corpus, tmp_path))
    victim.start()
    deadline = time.monotonic() + LIMIT_S
    while not (done := list(tmp_path.glob("*.safetensors.json"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    finished = {path.name: path.stat().st_mtime_ns for path in done}
    extract_corpus(shards, settings, root=corpus, scratch=tmp_path, num_workers=1)
    for shard in shards:
        assert (tmp_path / shard.name).read_bytes() == (undisturbed / shard.name).read_bytes()
    assert all((tmp_path / name).stat().st_mtime_ns == stamp for name, stamp in finished.items())


def test_two_workers_make_the_same_bytes_as_one(
    shards: list[Shard], settings: ExtractConfig, corpus: Path, undisturbed: Path, tmp_path: Path
):
    extract_corpus(shards, settings, root=corpus, scratch=tmp_path, num_workers=2)
    for shard in shards:
        assert (tmp_path / shard.name).read_bytes() == (undisturbed / shard.name).read_bytes()


def test_there_is_at_least_one_processor():
    assert workers.available() >= 1
