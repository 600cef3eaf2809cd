"""Texts as ids: nothing unknown passes, draws repeat with the seed, and what is taught is what is rewarded."""

import pytest
import tiny_twins
import torch

from codecsense.rewards import REPLY, answer
from codecsense.texts import NOTHING, PARTS, Encoder, Menu, by_clip, choose, clips_of, ids, reason_prompt, reply


@pytest.fixture(scope="module")
def clip_texts() -> list:
    return tiny_twins.texts(tiny_twins.model())


@pytest.fixture(scope="module")
def encode() -> Encoder:
    return Encoder(tiny_twins.host().tokenizer)


def test_a_word_that_the_host_does_not_know_is_an_error(encode: Encoder):
    with pytest.raises(ValueError, match="does not know a word of 'what is jazz'"):
        ids(encode.tokenizer, "what is jazz")


def test_words_come_back_from_their_ids(encode: Encoder):
    said = "<think> high </think> <info> red left </info> <answer> left </answer>"
    assert encode.tokenizer.decode(encode(said)) == said


def test_every_text_ends_with_the_end(clip_texts: list, encode: Encoder):
    for clip in clip_texts:
        for question in clip.questions:
            assert question.text.answer[-1] == encode.tokenizer.eos_token_id
            assert len(question.text.answer) == 2
        for reasoned in clip.reasoned:
            assert all(
                text.answer[-1] == encode.tokenizer.eos_token_id
                for text in (reasoned.look, reasoned.hear, reasoned.reason())
            )


def test_clips_keep_the_order_asked_for():
    made, wanted = tiny_twins.tables(), ["clip_003", "clip_000"]
    texts = by_clip(tiny_twins.host().tokenizer, wanted, **made._asdict())
    answers = [tiny_twins.host().tokenizer.decode(clip.questions[0].text.answer[:1]) for clip in texts]
    assert answers == ["right", "left"]
    assert [len(clip.captions["visual"]) for clip in texts] == [len(PARTS)] * 2


def test_clips_of_a_split_come_once_and_in_order():
    captions = tiny_twins.tables(4).captions.reverse()
    assert clips_of(captions, "train") == tiny_twins.ids(4)
    assert clips_of(captions, "test") == []


def test_what_stage_2_teaches_is_what_the_rewards_call_well_formed():
    taught = reply("high", "red left", "left")
    assert REPLY.fullmatch(taught)
    assert answer(taught) == "left"


def test_a_masked_summary_is_nothing(clip_texts: list, encode: Encoder):
    reasoned = clip_texts[0].reasoned[0]
    question = "what did it do ?"
    both, deaf, blind = reasoned.reason(), reasoned.reason(heard=False), reasoned.reason(seen=False)
    assert both.prompt == encode(reason_prompt(question, "red go left", "high n2"))
    assert deaf.prompt == encode(reason_prompt(question, "red go left", NOTHING))
    assert blind.prompt == encode(reason_prompt(question, NOTHING, "high n2"))
    assert both.answer == deaf.answer == blind.answer


def test_a_draw_repeats_with_its_seed_and_never_within_itself(clip_texts: list):
    menu = Menu({"hidden": 5, "joint": 1}, {"visual": 2, "audio": 3}, 1)
    one, two = (choose(clip_texts[0], menu, torch.Generator().manual_seed(7)) for _ in range(2))
    assert one == two
    assert len(one) == 1 + 1 + 2 + 3 + 3
    captions = [text.prompt for text in one[2:7]]
    assert len({tuple(prompt) for prompt in captions}) == 5


def test_an_empty_menu_asks_nothing_and_draws_nothing(clip_texts: list):
    generator = torch.Generator().manual_seed(0)
    assert choose(clip_texts[0], Menu({}, {}), generator) == []
