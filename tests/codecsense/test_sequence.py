"""Packed texts see their prefix and themselves, and nothing else."""

import pytest
import torch

from codecsense.sequence import (
    IGNORED,
    Layout,
    Prefix,
    Specials,
    Text,
    answered,
    answering,
    count,
    pack,
    prefix,
    visible,
)

TOKENS = Specials(vision_start=1, vision_end=2, image_pad=3, motion_pad=4, audio_pad=5, end=6)


def placed(start: Prefix) -> Prefix:
    return start._replace(positions=torch.arange(len(start.ids))[None])


def test_every_anchor_but_the_last_opens_an_interval():
    start = prefix(Layout(anchors=3, grid=2, motion_tokens=4, audio_tokens=1), TOKENS)
    assert start.ids.tolist() == [1, 3, 3, 3, 3, 2, 4, 4, 4, 4, 5] * 2 + [1, 3, 3, 3, 3, 2]


def test_only_answers_are_learned():
    start = placed(Prefix(ids=torch.tensor([7, 8]), kinds=torch.zeros(2, dtype=torch.long)))
    packed = pack([start], [[Text([9], [10, 6]), Text([11], [12])]], pad=0)
    assert packed.labels.tolist() == [[IGNORED, IGNORED, IGNORED, 10, 6, IGNORED, 12]]


def test_scores_are_of_use_where_a_word_of_an_answer_comes_next():
    start = placed(Prefix(ids=torch.tensor([7, 8]), kinds=torch.zeros(2, dtype=torch.long)))
    packed = pack([start, start], [[Text([9], [10, 6]), Text([11], [12])], [Text([9], [6])]], pad=0)
    assert answering(packed).int().tolist() == [[0, 0, 1, 1, 0, 1, 0], [0, 0, 1, 0, 0, 0, 0]]
    assert answered(packed).tolist() == [10, 6, 12, 6]


def test_every_text_starts_where_the_prefix_ends():
    start = placed(Prefix(ids=torch.tensor([7, 8]), kinds=torch.zeros(2, dtype=torch.long)))
    packed = pack([start], [[Text([9], [10, 6]), Text([11], [12])]], pad=0)
    assert packed.positions[0, 0].tolist() == [0, 1, 2, 3, 4, 2, 3]


def test_a_text_sees_the_prefix_and_its_own_past_only():
    seen = visible(torch.tensor([[0, 0, 1, 1, 2, -1]]))[0, 0]
    assert seen.int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_a_prefix_without_positions_is_refused():
    with pytest.raises(ValueError, match="positions"):
        pack([Prefix(torch.tensor([1]), torch.tensor([0]))], [[Text([2], [3])]], pad=0)


def test_motion_stands_in_the_gaps_that_it_is_given():
    laid = prefix(Layout(anchors=2, grid=1, motion_tokens=4, audio_tokens=1), TOKENS, motion=[1, 2, 1])
    assert laid.ids.tolist() == [4, 1, 3, 2, 4, 4, 5, 1, 3, 2, 4]
    assert laid.kinds.tolist() == [2, 0, 1, 0, 2, 2, 3, 0, 1, 0, 2]
    assert laid.columns == 2


def test_gaps_that_are_not_those_of_the_anchors_are_refused():
    with pytest.raises(ValueError, match="3 anchors leave 4 gaps for motion, not 3"):
        prefix(Layout(anchors=3, grid=1, motion_tokens=1, audio_tokens=0), TOKENS, motion=[0, 1, 1])


def test_tokens_are_counted_by_kind_and_padding_is_not():
    start = placed(prefix(Layout(anchors=2, grid=2, motion_tokens=3, audio_tokens=1), TOKENS))
    packed = pack([start, start], [[Text([9], [10])], [Text([9, 9], [10, 11]), Text([9], [10])]], pad=0)
    ledger = count(packed, TOKENS)
    assert ledger.vision.tolist() == [8, 8]
    assert ledger.motion.tolist() == [3, 3]
    assert ledger.audio.tolist() == [1, 1]
    assert ledger.text.tolist() == [4 + 2, 4 + 6]
