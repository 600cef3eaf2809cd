"""From a seed to questions: the stages world, audit, extract, dataset and probe on a handful of real clips."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from codecsense.evaluation.probe import ANSWERS, gather
from codecsense.schemas import captions, facts, probe, questions, rationales, sounds
from codecsense.scratch import folder
from codecsense.streams.store import StreamStore
from codecsense.world.script import WAYS
from stages import audit, dataset, extract, world
from stages import probe as probe_stage
from stages.params import Params, load

SPLITS = {
    "train": {"clips": 24, "first_seed": 0},
    "validation": {"clips": 4, "first_seed": 100},
    "test": {"clips": 12, "first_seed": 200},
}


class Made(NamedTuple):
    params: Params
    folder: Path
    store: StreamStore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("data")
    shipped = load(Path(__file__).parents[2] / "params.yaml")
    small = type(shipped.world).model_validate(shipped.world.model_dump() | {"splits": SPLITS, "workers": 1})
    params = shipped.model_copy(update={"world": small, "probe": shipped.probe.model_copy(update={"steps": 5})})
    make_world(params, place)
    table, scratch = place / "audit.parquet", place / "scratch"
    audit.audit(
        audit=params.audit, corpus=place / "world", table=table, distribution=place / "codecs.json", scratch=scratch
    )
    extract.extract(
        extract=params.extract, corpus=place / "world", audited=table, streams=place / "streams", scratch=scratch
    )
    return Made(params, place, StreamStore(place / "streams"))


def make_world(params: Params, folder: Path) -> None:
    world.world(
        world=params.world,
        clips=folder / "world",
        facts=folder / "facts.parquet",
        sounds=folder / "sounds.parquet",
        scratch=folder / "scratch",
    )


def make_dataset(made: Made, folder: Path) -> None:
    dataset.dataset(
        dataset=made.params.dataset,
        facts=made.folder / "facts.parquet",
        sounds=made.folder / "sounds.parquet",
        streams=made.folder / "streams",
        questions=folder / "questions.parquet",
        captions=folder / "captions.parquet",
        rationales=folder / "rationales.parquet",
    )


def test_clips_and_facts_name_each_other(made: Made):
    clips = {file.stem for file in (made.folder / "world").iterdir()}
    assert clips == set(facts.read(made.folder / "facts.parquet")["clip_id"]) == set(made.store.index["video_id"])
    assert len(clips) == 40


def test_scratch_is_gone_once_the_world_is_made(made: Made):
    assert not list((made.folder / "scratch").glob("world-*"))


def test_a_world_that_was_killed_half_way_ends_as_an_undisturbed_one(made: Made, tmp_path: Path):
    """What a kill leaves: some clips in scratch, one half written, nothing in place; finished ones are kept."""
    place = folder(tmp_path / "scratch", "world", settings=[made.params.world], inputs=[])
    finished = [made.folder / "world" / f"train_{number:05d}.mp4" for number in range(7)]
    for file in finished:
        os.utime(shutil.copy(file, place), ns=(1, 1))
    (place / ".train_00007.mp4.unfinished").write_bytes(b"half")
    make_world(made.params, tmp_path)
    remade = {file.name: file for file in (tmp_path / "world").iterdir()}
    assert {name: file.read_bytes() for name, file in remade.items()} == {
        file.name: file.read_bytes() for file in (made.folder / "world").iterdir()
    }
    assert [name for name, file in sorted(remade.items()) if file.stat().st_mtime_ns == 1] == [f.name for f in finished]


def test_anchors_and_maps_lie_where_the_world_put_them(made: Made):
    ids = made.store.index["video_id"].to_list()
    assert made.store.stack("anchors", ids).shape == (40, 4, 96, 96, 3)
    assert made.store.stack("mv", ids).shape == (40, 3, 15, 2, 12, 12)
    assert made.store.stack("map_mask", ids).all()
    assert made.store.index["has_audio"].all()


def test_vectors_read_back_from_the_file_point_where_a_sprite_went(made: Made):
    """x right, y down, through the encoder, the decoder and the window around the sprite's cell."""
    known = facts.read(made.folder / "facts.parquet")
    acts = gather(known, made.store, made.params.probe)
    gone = known["kind"].to_numpy() == "go"
    mean = acts.mv.numpy()[gone].mean((1, 3, 4))
    ways = np.array([WAYS[way] for way in known["way"].to_numpy()[gone]])
    assert gone.sum() >= 10
    assert ((mean * ways).sum(1) > 0).mean() > 0.9


def test_questions_captions_and_rationales_belong_together(made: Made, tmp_path: Path):
    make_dataset(made, tmp_path)
    asked = questions.read(tmp_path / "questions.parquet")
    told = captions.read(tmp_path / "captions.parquet")
    argued = rationales.read(tmp_path / "rationales.parquet")
    assert set(asked["clip_id"]) == set(told["clip_id"])
    assert told.height == 40 * 3 * 2
    assert set(argued["question_id"]) == set(asked.filter(pl.col("type") == "joint")["question_id"])


def test_the_same_dataset_is_made_twice(made: Made, tmp_path: Path):
    for name in ("one", "two"):
        make_dataset(made, tmp_path / name)
    for table in ("questions", "captions", "rationales"):
        first, second = ((tmp_path / name / f"{table}.parquet").read_bytes() for name in ("one", "two"))
        assert first == second


def test_a_clip_without_streams_is_counted_and_not_asked_about(made: Made, tmp_path: Path, capsys):
    more = pl.concat([frame := facts.read(made.folder / "facts.parquet"), renamed(frame)])
    heard = pl.concat([frame := sounds.read(made.folder / "sounds.parquet"), renamed(frame)])
    facts.write(more, tmp_path / "facts.parquet")
    sounds.write(heard, tmp_path / "sounds.parquet")
    made_here = made.folder / "streams"
    dataset.dataset(
        dataset=made.params.dataset,
        facts=tmp_path / "facts.parquet",
        sounds=tmp_path / "sounds.parquet",
        streams=made_here,
        questions=tmp_path / "questions.parquet",
        captions=tmp_path / "captions.parquet",
        rationales=tmp_path / "rationales.parquet",
    )
    assert "about 40 clips, 1 clips without streams" in capsys.readouterr().out
    assert "lost" not in set(questions.read(tmp_path / "questions.parquet")["clip_id"])


def renamed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("clip_id") == "train_00000").with_columns(clip_id=pl.lit("lost"))


def test_the_probe_asks_every_set_of_streams_for_every_fact_and_repeats_itself(made: Made, tmp_path: Path):
    for name in ("one", "two"):
        probe_stage.probe(
            seed=0,
            probe=made.params.probe,
            facts=made.folder / "facts.parquet",
            streams=made.folder / "streams",
            results=tmp_path / name,
        )
    table = probe.read(tmp_path / "one" / "probe.parquet")
    assert table.height == len(made.params.probe.subsets) * len(ANSWERS)
    assert table.filter(pl.col("fact") == "kind")["total"].to_list() == [12 * 6] * 4
    for file in ("probe.parquet", "metrics.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
