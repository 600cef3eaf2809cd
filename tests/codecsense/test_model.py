"""Host, adapter and audio branch as one: each sense can be left out, and each is heard where it is in."""

from pathlib import Path

import pytest
import tiny_twins
import torch
from torch import Tensor

from codecsense.clips import Batch, Clips, Modality
from codecsense.model import CodecSense
from codecsense.sequence import Text, answering, pack
from codecsense.training.hippo_sense import given


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"), 2)


@pytest.fixture(scope="module")
def batch(clips: Clips) -> Batch:
    return clips.batch(torch.tensor([0, 1]))


def texts(model: CodecSense) -> list[list[Text]]:
    return [[question.text for question in clip.questions] for clip in tiny_twins.texts(model, 2)]


@torch.no_grad()
def scores(model: CodecSense, batch: Batch) -> Tensor:
    return model(batch, texts(model)).logits


def test_without_senses_the_model_is_its_host(batch: Batch):
    model = tiny_twins.model(adapter__streams=[], audio__tokens=0)
    assert model.adapter is None
    assert model.audio is None
    read = pack([model.start] * 2, texts(model), pad=model.host.tokenizer.pad_token_id)
    anchors = batch.tower[:, [0, 2, 4, 6]].flatten(1, 2)
    expected = model.host.logits(read, pictures=anchors, injected=[], at=answering(read))
    assert torch.equal(scores(model, batch), expected)


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({"adapter__streams": [], "audio__tokens": 0}, 4 * 6),
        ({"audio__tokens": 0}, 4 * 6 + 3 * 4),
        ({"adapter__streams": []}, 4 * 6 + 3 * 2),
        ({}, 4 * 6 + 3 * 4 + 3 * 2),
        ({"pictures": "all", "adapter__streams": [], "audio__tokens": 0}, 7 * 6),
    ],
    ids=["anchors", "motion", "sound", "both", "dense"],
)
def test_a_clip_costs_the_tokens_of_its_pictures_and_senses(changes: dict[str, object], tokens: int, batch: Batch):
    model = tiny_twins.model(**changes)
    assert model.context_tokens == tokens
    assert len(scores(model, batch)) == sum(len(text.answer) for own in texts(model) for text in own)


@pytest.mark.parametrize("sense", ["tower", "mv", "residual", "context", "sound"])
def test_every_sense_reaches_the_answer(sense: str, batch: Batch):
    model = tiny_twins.model()
    other = {
        "tower": batch._replace(tower=batch.tower.flip(0)),
        "sound": batch._replace(sound=batch.sound.flip(0)),
    }.get(sense)
    if other is None:
        tri = batch.tri._replace(**{sense: getattr(batch.tri, sense).flip(0)})
        other = batch._replace(tri=tri._replace(mask=torch.ones_like(tri.mask)))
        batch = batch._replace(tri=batch.tri._replace(mask=torch.ones_like(batch.tri.mask)))
    assert not torch.allclose(scores(model, batch), scores(model, other))


def test_every_depth_at_which_a_host_sees_reaches_the_answer(batch: Batch):
    model = tiny_twins.model(host=tiny_twins.HOSTS["qwen3_vl"])
    deep = torch.randn(batch.tower.shape, generator=torch.Generator().manual_seed(2))
    seeing = batch._replace(deep=deep)
    assert not torch.allclose(scores(model, seeing), scores(model, batch._replace(deep=deep.flip(0))))
    with pytest.raises(ValueError, match="48 numbers, not 24"):
        scores(model, batch)


def test_dense_frames_take_no_motion_into_the_answer(batch: Batch):
    model = tiny_twins.model(pictures="all", adapter__streams=[], audio__tokens=0)
    silent = batch._replace(tri=batch.tri._replace(mv=torch.zeros_like(batch.tri.mv)), sound=batch.sound * 0)
    assert torch.equal(scores(model, batch), scores(model, silent))
    inner = batch._replace(tower=batch.tower.clone())
    inner.tower[:, 1] += 1.0
    assert not torch.allclose(scores(model, batch), scores(model, inner))


def test_the_seed_decides_the_senses_and_leaves_the_global_generator_alone():
    torch.manual_seed(4)
    one = tiny_twins.model(seed=1)
    drawn = torch.rand(3)
    torch.manual_seed(4)
    assert torch.equal(drawn, torch.rand(3))
    same, other = tiny_twins.model(seed=1), tiny_twins.model(seed=2)
    for name, weight in one.named_parameters():
        assert torch.equal(weight, same.get_parameter(name))
    assert one.adapter is not None
    assert other.adapter is not None
    assert not torch.equal(one.adapter.slot, other.adapter.slot)


def test_a_clip_scores_alike_alone_and_beside_others(clips: Clips, batch: Batch):
    model = tiny_twins.model()
    alone = model(clips.batch(torch.tensor([1])), texts(model)[1:]).logits
    torch.testing.assert_close(scores(model, batch)[-len(alone) :], alone, atol=1e-5, rtol=0.0)


def test_texts_of_different_length_do_not_disturb_each_other(batch: Batch):
    model = tiny_twins.model()
    short, long = texts(model)
    whole = model(batch, [short[:1], long])
    size = len(short[0].answer)
    torch.testing.assert_close(whole.logits[:size], scores(model, batch)[:size], atol=1e-5, rtol=0.0)


def test_every_weight_of_the_senses_gets_a_gradient_and_none_of_the_host(batch: Batch):
    model = tiny_twins.model()
    model(batch, texts(model)).logits.square().sum().backward()
    for name, weight in model.named_parameters():
        has = weight.grad is not None and bool(weight.grad.any())
        assert has == (not name.startswith("host.")), name


def test_generation_answers_every_prompt_as_often_as_asked(batch: Batch):
    model = tiny_twins.model()
    prompts = [own[0].prompt for own in texts(model)]
    out = model.generate(batch, prompts, max_new_tokens=3, samples=2, temperature=1.0)
    assert out.shape == (4, 3)


def test_an_anchor_s_position_in_the_store_is_that_of_its_moment(clips: Clips, tmp_path: Path):
    assert clips.anchors == [0, 2, 4, 6]
    assert clips.shapes == tiny_twins.SHAPES


def test_the_tokens_of_every_sample_are_counted_by_kind(batch: Batch):
    """4 anchors of 4 tokens with 2 marks each, 3 intervals of 4 motion and 2 audio tokens, and the texts."""
    model = tiny_twins.model()
    short, long = texts(model)
    tokens = model(batch, [short[:1], long]).tokens
    words = [sum(len(text.prompt) + len(text.answer) for text in asked) for asked in (short[:1], long)]
    assert tokens.vision.tolist() == [16, 16]
    assert tokens.motion.tolist() == [12, 12]
    assert tokens.audio.tolist() == [6, 6]
    assert tokens.text.tolist() == [8 + count for count in words]
    assert model.context_tokens + words[0] == sum(int(count[0]) for count in tokens)


def test_a_feature_without_a_token_stops_the_model(batch: Batch):
    """Before the host sees it: a count that differs would shift every feature behind it."""
    model = tiny_twins.model()
    model.start = model.start._replace(
        ids=torch.where(model.start.ids == model.host.specials.motion_pad, 0, model.start.ids)
    )
    with pytest.raises(ValueError, match=r"12 motion features per sample for \[0\] tokens"):
        model(batch, texts(model))
    fewer = batch._replace(tower=batch.tower[:, :-2])
    with pytest.raises(ValueError, match=r"12 vision features per sample for \[16\] tokens"):
        tiny_twins.model()(fewer, texts(model))


MASKS = [("pictures",), ("motion",), ("audio",), ("pictures", "motion"), ("pictures", "motion", "audio")]


@pytest.mark.parametrize("hidden", MASKS, ids="+".join)
@pytest.mark.parametrize("changes", [{}, {"pictures": "all", "audio__tokens": 0}], ids=["anchors", "dense"])
def test_what_is_masked_costs_no_token_and_cannot_change_an_answer(
    hidden: tuple[Modality, ...], changes: dict[str, object], clips: Clips
):
    model, rows = tiny_twins.model(**changes), torch.tensor([0, 1])
    masked = clips.without(*hidden).batch(rows)
    scored = model(masked, texts(model))
    deaf = [] if model.audio else ["audio"]
    tokens = {"pictures": scored.tokens.vision, "motion": scored.tokens.motion, "audio": scored.tokens.audio}
    assert {name for name, count in tokens.items() if not count.any()} == {*hidden, *deaf}
    other = masked
    if "pictures" in hidden and "motion" in hidden:
        other = other._replace(tower=torch.randn_like(masked.tower))
    if "motion" in hidden:
        other = other._replace(tri=other.tri._replace(mv=torch.randn_like(other.tri.mv), mask=~other.tri.mask))
    if "audio" in hidden:
        other = other._replace(sound=torch.randn_like(other.sound))
    assert torch.equal(scored.logits, model(other, texts(model)).logits)
    prompts = [own[0].prompt for own in texts(model)]
    assert torch.equal(*(model.generate(each, prompts, max_new_tokens=3) for each in (masked, other)))


@torch.no_grad()
def test_a_mask_leaves_what_a_model_without_that_sense_is_shown(clips: Clips):
    """Its tokens, and its scores where only the senses' own weights could tell the two apart."""
    deaf, whole = tiny_twins.model(audio__tokens=0), tiny_twins.model()
    assert whole.adapter is not None
    assert deaf.adapter is not None
    deaf.adapter.load_state_dict(whole.adapter.state_dict())
    rows = torch.tensor([0, 1])
    assert torch.equal(scores(deaf, clips.batch(rows)), scores(whole, clips.without("audio").batch(rows)))


@torch.no_grad()
def test_one_interval_is_heard_where_one_is_given(clips: Clips):
    model, rows = tiny_twins.model(), torch.tensor([0, 1])
    shown = given("vas", torch.tensor([0, 2]), 3)
    batch = clips.batch(rows, shown)
    assert model(batch, texts(model)).tokens.audio.tolist() == [2, 2]
    elsewhere = batch.sound.clone()
    elsewhere[0, 1:], elsewhere[1, :2] = 7.0, 7.0
    assert torch.equal(scores(model, batch), scores(model, batch._replace(sound=elsewhere)))
    here = batch.sound.clone()
    here[0, 0] += 1.0
    assert not torch.allclose(scores(model, batch)[0], scores(model, batch._replace(sound=here))[0])


def test_clips_of_a_batch_are_shown_equally_much(clips: Clips):
    model = tiny_twins.model()
    shown = given("vas", torch.tensor([0, 2]), 3)
    uneven = shown._replace(sound=torch.tensor([[True, True, False], [False, False, True]]))
    with pytest.raises(ValueError, match=r"clips of one batch are shown equally much, not \[1, 2\] of a modality"):
        model(clips.batch(torch.tensor([0, 1]), uneven), texts(model))
