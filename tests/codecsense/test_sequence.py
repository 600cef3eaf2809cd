"""Packed texts see their prefix and themselves, and nothing else."""

import pytest
import torch

from codecsense.sequence import IGNORED, Layout, Prefix, Specials, Text, pack, prefix, visible

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
