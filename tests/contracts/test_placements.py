"""The promises of `codecsense.adapter.placements`, held by every file of the folder."""

from typing import Any

import pytest
import tiny_twins
import torch

from codecsense.adapter import PlacementConfig
from codecsense.clips import Batch, Clips
from codecsense.config import variants
from codecsense.sequence import MOTION, PICTURE
from codecsense.training.losses import answer_loss

EXAMPLES: dict[str, dict[str, Any]] = {  # the choices of each placement
    "attention_weighted": {"repeats": 4},
    "chunked": {"chunks": 2},
    "per_anchor": {},
    "prefix": {},
    "suffix": {},
}
PLACEMENTS = variants("codecsense.adapter.placements")
TOKENS, INTERVALS = tiny_twins.PATCHES, tiny_twins.INTERVALS


def chosen(name: str, **changes: Any) -> PlacementConfig:
    assert name in EXAMPLES, "say here how to choose this placement"
    return tiny_twins.settings(adapter__placement={"name": name, **EXAMPLES[name], **changes}).adapter.placement


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"), 4)


@pytest.fixture(scope="module")
def batch(clips: Clips) -> Batch:
    return clips.batch(torch.arange(4))


@pytest.mark.parametrize("intervals", [1, 3, 7])
@pytest.mark.parametrize("name", PLACEMENTS)
def test_every_motion_token_stands_once_and_repeated_ones_twice(name: str, intervals: int):
    placement = chosen(name)
    spread = placement.spread(intervals=intervals, tokens=16)
    assert len(spread) == intervals + 2
    assert sum(spread) == intervals * (16 + placement.repeated())


def test_a_place_in_the_sequence_is_what_its_name_says():
    counts = {name: chosen(name).spread(intervals=3, tokens=4) for name in PLACEMENTS}
    assert counts == {
        "per_anchor": [0, 4, 4, 4, 0],
        "prefix": [12, 0, 0, 0, 0],
        "suffix": [0, 0, 0, 0, 12],
        "chunked": [0, 6, 0, 6, 0],  # the middle interval is cut in two
        "attention_weighted": [0, 8, 8, 8, 0],
    }


def test_as_many_chunks_as_intervals_stand_where_each_interval_would():
    assert chosen("chunked", chunks=3).spread(intervals=3, tokens=4) == [0, 4, 4, 4, 0]


def test_more_chunks_than_anchors_stand_in_every_gap():
    assert chosen("chunked", chunks=5).spread(intervals=3, tokens=4) == [3, 3, 2, 2, 2]


@pytest.mark.parametrize("chunks", [0, 13])
def test_chunks_that_cannot_be_cut_are_refused(chunks: int):
    with pytest.raises(ValueError, match="cannot be cut into"):
        chosen("chunked", chunks=chunks).spread(intervals=3, tokens=4)


@pytest.mark.parametrize("repeats", [0, 5])
def test_no_more_tokens_stand_twice_than_there_are(repeats: int):
    with pytest.raises(ValueError, match="cannot stand twice"):
        chosen("attention_weighted", repeats=repeats).spread(intervals=3, tokens=4)


@pytest.mark.parametrize("name", PLACEMENTS)
def test_a_model_lays_its_prefix_as_placed_and_each_feature_has_its_token(name: str, batch: Batch):
    model = tiny_twins.model(adapter__placement={"name": name, **EXAMPLES[name]})
    spread = chosen(name).spread(intervals=INTERVALS, tokens=TOKENS)
    kinds = model.start.kinds
    pictures_before = (kinds == PICTURE).cumsum(0) // tiny_twins.PATCHES
    found = [int((pictures_before[kinds == MOTION] == anchor).sum()) for anchor in range(INTERVALS + 2)]
    assert found == spread
    texts = [[clip.questions[0].text] for clip in tiny_twins.texts(model, 4)]
    assert set(model(batch, texts).tokens.motion.tolist()) == {sum(spread)}


@pytest.mark.parametrize("name", PLACEMENTS)
def test_motion_is_read_wherever_it_stands(name: str, batch: Batch):
    model = tiny_twins.model(adapter__placement={"name": name, **EXAMPLES[name]})
    texts = [[clip.questions[0].text] for clip in tiny_twins.texts(model, 4)]
    other = batch._replace(tri=batch.tri._replace(mv=-batch.tri.mv))
    before, after = (model(said, texts) for said in (batch, other))
    assert not torch.allclose(before.logits, after.logits)
    assert answer_loss(before.logits, before.words).isfinite()


def test_among_dense_pictures_motion_keeps_to_the_anchors(batch: Batch):
    """Every frame is a picture, and the gaps inside an interval hold no motion."""
    model = tiny_twins.model(pictures="all", audio__tokens=0)
    kinds = model.start.kinds
    pictures_before = (kinds == PICTURE).cumsum(0) // tiny_twins.PATCHES
    assert pictures_before[kinds == MOTION].unique().tolist() == [1, 3, 5]
    texts = [[clip.questions[0].text] for clip in tiny_twins.texts(model, 4)]
    assert model(batch, texts).logits.isfinite().all()


@pytest.mark.parametrize("name", PLACEMENTS)
def test_under_grid_positions_rows_of_motion_tokens_stack_up_and_nothing_overlaps(name: str):
    """K = 4 is a picture of 2 x 2; three intervals side by side are one of 6 x 2. Text positions are plain counting."""
    placed = {"name": name, **EXAMPLES[name]}
    start = tiny_twins.model(adapter__placement=placed, host__motion_positions="grid").start
    motion = start.positions[:, start.kinds == MOTION]
    assert len(motion.unique(dim=1).T) == motion.shape[1], "two motion tokens share a position"
    runs = [count for count in chosen(name).spread(intervals=INTERVALS, tokens=TOKENS) if count]
    for run in motion.split(runs, dim=1):
        across = run[2] - run[2].min()
        assert across.tolist() == [0, 1] * (run.shape[1] // 2)
    words = tiny_twins.model(adapter__placement=placed, host__motion_positions="text").start
    apart = words.positions[:, words.kinds == MOTION].diff(dim=1)
    assert (apart >= 1).all()


def test_tokens_that_form_no_picture_are_refused_under_grid_positions():
    encoder = {"name": "none", "mv_unit_px": 4.0, "residual_unit": 32.0}
    odd = {"adapter__encoder": encoder, "adapter__tokens": 5, "adapter__context_skip": 0.0}
    with pytest.raises(ValueError, match=r"runs of \[5\] motion tokens form no pictures; set .* to `text`"):
        tiny_twins.model(host__motion_positions="grid", **odd)
    assert tiny_twins.model(host__motion_positions="text", **odd).context_tokens > 0
