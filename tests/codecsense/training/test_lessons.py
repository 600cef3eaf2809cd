"""The lessons that stand in for pre-training: every host that can be built small takes them."""

from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
from torch import Tensor

from codecsense import config
from codecsense.hosts import Host
from codecsense.schemas import from_rows
from codecsense.schemas.facts import Facts
from codecsense.schemas.sounds import Sounds
from codecsense.texts import WORDS, by_clip
from codecsense.training.lessons import LessonConfig, Teaching, name_only
from codecsense.training.placed_facts import of_clips
from codecsense.training.reading import Reading, ReadingConfig, layout_of, teach_reading
from codecsense.training.seeing import cell_labels, teach_seeing
from codecsense.world import WorldConfig, quiz, script
from codecsense.world.questions import CELLS, clips
from codecsense.world.vocabulary import words

SHIPPED = config.read(Path(__file__).parents[3] / "params.yaml")
SIDE = 4  # cells along a side of a picture


def taught(name: str) -> Host:
    """A tiny host that knows the micro world's words, and has one visual token for each of its cells."""
    known = sorted({*words(), *WORDS})
    block_px = tiny_twins.settings(host=tiny_twins.HOSTS[name]).host.build(words=known, seed=0).block_px
    changes = {**tiny_twins.HOSTS[name], "picture_px": SIDE * block_px}
    return tiny_twins.settings(host=changes).host.build(words=known, seed=0)


@pytest.fixture(scope="module")
def world() -> dict[str, Any]:
    """Tables of a few clips that are never rendered."""
    splits = {
        "train": {"clips": 6, "first_seed": 0},
        "validation": {"clips": 1, "first_seed": 1000},
        "test": {"clips": 1, "first_seed": 2000},
    }
    written = script.scripts(WorldConfig.model_validate(SHIPPED["world"] | {"splits": splits}))
    facts = from_rows(Facts, [row for each in written for row in script.facts(each)])
    sounds = from_rows(Sounds, [row for each in written for row in script.sounds(each)])
    known = clips(facts, sounds)
    put = quiz.put(known, quiz.DatasetConfig.model_validate(SHIPPED["dataset"]))
    texts = {"questions": quiz.questions(put), "captions": quiz.captions(known), "rationales": quiz.rationales(put)}
    ids = [clip.clip_id for clip in known if clip.split == "train"]
    return {"ids": ids, "facts": facts, "sounds": sounds, "texts": texts}


def reading(host: Host, world: dict[str, Any], anchors: int = 4) -> Reading:
    """What there is to read, among pictures that were never seen."""
    seen = torch.randn(len(world["ids"]), anchors, SIDE**2, host.seen, generator=torch.Generator().manual_seed(0))
    placed = of_clips(host.tokenizer, world["ids"], world["facts"], world["sounds"], cells=SIDE**2)
    return Reading(by_clip(host.tokenizer, world["ids"], **world["texts"]), seen, placed)


def weights(host: Host, part: str) -> dict[str, Tensor]:
    return {key: weight.detach().clone() for key, weight in host.bare.named_parameters() if (part in key)}


@pytest.mark.parametrize("name", tiny_twins.HOSTS)
def test_a_tower_learns_what_stands_where_and_the_language_model_stays(
    name: str, world: dict[str, Any], tmp_path: Path
):
    host = taught(name)
    labels = cell_labels(world["ids"], world["facts"], cells=SIDE**2).flatten(0, 1)
    side = host.settings.picture_px
    pictures = torch.randint(0, 256, (len(labels), side, side, 3), dtype=torch.uint8)
    before = weights(host, "language_model")
    lesson = LessonConfig.model_validate(SHIPPED["see"] | {"steps": 12, "batch": 4, "learning_rate": 1.0e-2})
    curve = teach_seeing(host, pictures, labels, lesson, Teaching(tmp_path, 0), cell_names=CELLS)
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert all(torch.equal(weight, before[key]) for key, weight in weights(host, "language_model").items())


def test_a_host_that_cuts_pictures_otherwise_than_the_world_is_refused(tmp_path: Path):
    host = taught("llava_onevision")
    labels = torch.zeros(2, 4 * SIDE**2, 2, dtype=torch.long)
    pictures = torch.zeros(2, host.settings.picture_px, host.settings.picture_px, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="llava_onevision sees 16 tokens of 4 px in a picture of 64 cells"):
        teach_seeing(
            host, pictures, labels, LessonConfig.model_validate(SHIPPED["see"]), Teaching(tmp_path, 0), cell_names=CELLS
        )


@pytest.mark.parametrize("name", tiny_twins.HOSTS)
def test_a_language_model_learns_to_read_in_every_form_and_its_words_stay(
    name: str, world: dict[str, Any], tmp_path: Path
):
    host = taught(name)
    read = reading(host, world)
    words_before = host.bare.get_input_embeddings().weight.detach().clone()
    changes = {"steps": 14, "batch": 2, "fact_steps": 4, "check_every": 14, "enough": 2.0}
    lesson = ReadingConfig.model_validate(SHIPPED["host"] | changes)
    layout = layout_of(read, motion_tokens=SIDE**2, audio_tokens=lesson.sound_tokens)
    curve = teach_reading(host, read, read, layout, lesson, Teaching(tmp_path, 0))
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert {row["form"] for row in curve} == {0.0, 1.0, 2.0, 3.0}
    assert torch.equal(host.bare.get_input_embeddings().weight, words_before)


def test_weights_of_the_hub_are_named_in_place_of_lessons(tmp_path: Path):
    name_only("Qwen/Qwen2.5-VL-7B-Instruct", tmp_path / "tower")
    assert [file.name for file in (tmp_path / "tower").iterdir()] == ["hub.json"]
