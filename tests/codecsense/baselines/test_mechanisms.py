"""What rivals do to tokens and to the memory, on numbers that can be checked by hand."""

from itertools import combinations, pairwise
from math import log2

import numpy as np
import pytest
import tiny_twins
import torch

from codecsense.baselines.hermes import ends, frames, importance
from codecsense.baselines.holitom import cut, merge, steady
from codecsense.baselines.keyframes import farthest_first
from codecsense.baselines.look_m import conserved, merged, pivots
from codecsense.baselines.panel import panels
from codecsense.baselines.qtsplus import most_relevant, relevance
from codecsense.baselines.rendered import residuals, schedule, vectors, wheel
from codecsense.baselines.rgb_difference import changed_blocks, differences
from codecsense.baselines.vidkv import low, low_keys, low_spectrum


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_look_m_keeps_words_first_then_what_is_looked_at_most_and_the_newest_always():
    scores = torch.tensor([[[9.0, 1.0, 5.0, 7.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.1]]])
    words = torch.zeros(1, 10, dtype=torch.bool)
    words[0, 1] = words[0, 5] = True
    kept = conserved(scores, words, important=0.4, recent=0.2)
    assert kept.tolist() == [[[0, 1, 3, 5, 8, 9]]]


def test_look_m_refuses_to_keep_nothing_or_more_than_there_is():
    scores, words = torch.rand(1, 1, 10), torch.zeros(1, 10, dtype=torch.bool)
    for important, recent in ((0.0, 0.0), (0.9, 0.3)):
        with pytest.raises(ValueError, match="of 10 entries"):
            conserved(scores, words, important=important, recent=recent)


def test_look_m_merges_an_evicted_key_into_the_kept_one_it_is_most_like():
    keys = torch.tensor([[[[1.0, 0.0], [0.0, 1.0], [4.0, 0.4], [0.1, 2.0]]]])
    stay = torch.tensor([[[0, 1]]])
    into = pivots(keys, stay)
    assert into.tolist() == [[[0, 1]]]
    # (1, 0) and the mean of (4, 0.4) with it, (2.5, 0.2), have the mean (1.75, 0.1).
    torch.testing.assert_close(merged(keys, stay, into)[0, 0], torch.tensor([[1.75, 0.1], [0.025, 1.25]]))


def test_merging_leaves_alone_what_nothing_was_merged_into_and_keeps_equal_states():
    states = draw(2, 3, 6, 4)
    stay = torch.arange(5).expand(2, 3, 5)
    into = torch.full((2, 3, 1), 2)
    found = merged(states, stay, into)
    assert torch.equal(found[:, :, [0, 1, 3, 4]], states[:, :, [0, 1, 3, 4]])
    same = states[:, :, :1].expand(-1, -1, 6, -1).contiguous()
    torch.testing.assert_close(merged(same, stay, into), same[:, :, :5])


def test_hermes_reads_up_to_the_mark_behind_each_picture():
    visual = torch.tensor([0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0], dtype=torch.bool)
    assert ends(visual) == [4, 8, 12]
    assert frames(visual).tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]


def test_in_hermes_the_newest_counts_in_the_first_layer_and_the_guide_in_the_last():
    age = torch.tensor([2, 1, 0])
    held, wanted = [torch.arange(3)] * 3, [torch.tensor([1.0, 0.2, 0.1])] * 3
    scores = importance(held, wanted, age, forgetting=1.0, smoothing=0.0)
    torch.testing.assert_close(scores[0], torch.exp(-age.float()))
    torch.testing.assert_close(scores[2], wanted[2])
    torch.testing.assert_close(scores[1], (scores[0] + scores[2]) / 2)
    smooth = importance(held, wanted, age, forgetting=1.0, smoothing=0.25)
    torch.testing.assert_close(smooth[0], 0.75 * scores[0] + 0.25 * scores[1])
    torch.testing.assert_close(smooth[2], scores[2])


def test_what_a_layer_of_hermes_no_longer_holds_counts_nothing_in_it():
    held, wanted = [torch.tensor([0, 2]), torch.arange(3)], [torch.ones(2), torch.ones(3)]
    scores = importance(held, wanted, torch.zeros(3, dtype=torch.long), forgetting=1.0, smoothing=0.0)
    assert scores[0, 1] == 0


def redundant(same: torch.Tensor, segments: list[tuple[int, int]]) -> int:
    return sum(int(same[a : b - 1].all(0).sum()) * (b - 1 - a) for a, b in segments if b - a > 1)


@pytest.mark.parametrize("seed", range(8))
def test_no_cut_of_holitom_makes_more_tokens_redundant_than_the_one_that_is_found(seed: int):
    same = draw(5, 7, seed=seed) > -0.5
    found = cut(same)
    assert [a for a, _ in found] == [0, *[b for _, b in found[:-1]]]
    assert found[-1][1] == 6
    every = [[0, *inner, 6] for count in range(6) for inner in combinations(range(1, 6), count)]
    best = max(redundant(same, list(pairwise(bounds))) for bounds in every)
    assert redundant(same, found) == best


def test_holitom_shows_once_what_stays_and_its_mean():
    seen = torch.stack([torch.stack([draw(4), draw(4, seed=n + 1)]) for n in range(4)])
    shown, left = merge(seen, 0.99)
    assert left.tolist() == [[True, True], [False, True], [False, True], [False, True]]
    torch.testing.assert_close(shown[0, 0], seen[0, 0])
    scaled = seen * torch.arange(1.0, 5.0)[:, None, None]
    torch.testing.assert_close(merge(scaled, 0.99)[0][0, 0], 2.5 * seen[0, 0])
    assert torch.equal(shown[left], seen[left])
    assert not steady(seen, 1.1).any()


def test_keyframes_are_as_far_from_each_other_as_can_be():
    angles = torch.tensor([0.0, 0.1, 1.5, 1.6, 3.1])
    features = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert farthest_first(features, 3) == [0, 3, 4] or farthest_first(features, 3) == [0, 2, 4]
    assert farthest_first(features, 5) == [0, 1, 2, 3, 4]
    assert farthest_first(torch.ones(4, 3), 3) == sorted(set(farthest_first(torch.ones(4, 3), 3)))


def test_a_panel_holds_neighbouring_frames_in_lines_and_the_last_one_fills_up():
    frames_ = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 8, 8, 3) * 10
    made = panels(frames_, 2)
    assert made.shape == (2, 8, 8, 3)
    assert made[0, ::4, ::4, 0].tolist() == [[0, 10], [20, 30]]
    assert made[1, ::4, ::4, 0].tolist() == [[40, 40], [40, 40]]
    assert torch.equal(panels(frames_, 1), frames_)
    assert panels(frames_, 3).shape == (1, 8, 8, 3)


def test_difference_pictures_are_grey_where_nothing_changes():
    pictures = torch.full((3, 8, 8, 3), 100, dtype=torch.uint8)
    pictures[1, :4, :4] = 200
    pictures[2] = pictures[1]
    changes = differences(pictures)
    assert changes[0, 0, 0, 0] == 127 + 50
    assert (changes[0, 4:] == 127).all()
    assert (changes[1] == 127).all()
    assert changed_blocks(changes, 4) == 1
    assert (differences(pictures.flip(0))[1, :4, :4] == 127 - 50).all()


def test_the_tokens_that_a_question_asks_for_are_kept_in_the_order_of_time():
    tokens = torch.eye(4)
    wanted = relevance(tokens, torch.tensor([[0.0, 0.0, 0.0, 5.0], [0.0, 2.0, 1.0, 0.0]]))
    assert most_relevant(wanted[None], 0.5).tolist() == [[1, 3]]
    assert most_relevant(wanted[None], 0.01).shape == (1, 1)
    with pytest.raises(ValueError, match="`share: 0.0`"):
        most_relevant(wanted[None], 0.0)


@pytest.mark.parametrize("levels", [2, 3, 4, 256])
def test_states_in_few_bits_are_off_by_half_a_step_at_most(levels: int):
    states = draw(1, 2, 40, 3)
    found = low(states, levels)
    step = (states.amax(2, keepdim=True) - states.amin(2, keepdim=True)) / (levels - 1)
    assert ((found.states - states).abs() <= step / 2 + 1e-6).all()
    assert found.bits == pytest.approx(240 * log2(levels) + 6 * 32)
    assert all(len(found.states[0, head, :, n].unique()) <= levels for head in range(2) for n in range(3))


def test_a_constant_channel_comes_back_as_it_was():
    states = torch.full((1, 1, 16, 2), 3.5)
    torch.testing.assert_close(low(states, 4).states, states)
    torch.testing.assert_close(low_spectrum(states).states, states)


def test_keys_of_half_the_channels_in_one_bit_cost_one_and_a_half_and_keep_what_spreads_most():
    keys = draw(1, 2, 512, 8) * torch.tensor([1.0, 8.0, 1.0, 8.0, 1.0, 8.0, 1.0, 8.0])
    found = low_keys(keys, 0.5)
    assert found.bits / keys.numel() == pytest.approx(1.5, abs=0.1)
    two = low(keys[..., 1::2], 4).states
    torch.testing.assert_close(found.states[..., 1::2], two)
    off = (found.states - keys)[..., ::2].pow(2).mean() / keys[..., ::2].pow(2).mean()
    assert off < 0.5, "one bit of a spectrum keeps more than half of what noise says"


def test_a_wave_survives_one_bit_of_its_spectrum():
    wave = torch.sin(torch.arange(64) * 2 * torch.pi * 4 / 64)[None, None, :, None] + 2
    found = low_spectrum(wave).states
    likeness = torch.nn.functional.cosine_similarity(found[0, 0, :, 0] - 2, wave[0, 0, :, 0] - 2, dim=0)
    assert found.mean() == pytest.approx(2.0, abs=1e-5)
    assert likeness > 0.15


def test_pictures_and_maps_stand_where_the_report_s_conditions_put_them():
    available = {"I": 13, "M": 45, "R": 45}
    assert schedule("IMIMIMIM", available) == [
        ("I", 0), ("M", 0), ("I", 4), ("M", 15), ("I", 8), ("M", 29), ("I", 12), ("M", 44),
    ]  # fmt: skip
    assert [kind for kind, _ in schedule("IMMMIRRR", available)] == list("IMMMIRRR")
    assert [at for _, at in schedule("RRRRRRRR", available)] == sorted(at for _, at in schedule("RRRRRRRR", available))


def test_a_vector_is_a_colour_of_the_wheel_and_no_motion_is_black():
    field = np.zeros((2, 1, 4))
    field[0, 0, :] = [0.0, 4.0, -4.0, 2.0]
    right, left, half = wheel(field, 4.0)[0, 1:]
    assert wheel(field, 4.0)[0, 0].tolist() == [0, 0, 0]
    assert right.tolist() == [255, 0, 0]
    assert left.tolist() == [0, 255, 255]
    assert half.tolist() == [127, 0, 0]


def test_maps_are_drawn_as_large_as_pictures():
    tri = tiny_twins.tri(batch=1)
    maps = tiny_twins.INTERVALS * tiny_twins.MAPS
    assert vectors(tri, 4.0, (16, 8)).shape == (maps, 8, 16, 3)
    grey = residuals(tri, 32.0, (16, 8))
    assert grey.shape == (maps, 8, 16, 3)
    assert (grey == grey[..., :1]).all()
    assert (
        grey[:, ::2, ::4, 0].float() - (tri.residual[0].flatten(0, 1)[:, 0].abs() / 32).clamp(0, 1) * 255
    ).abs().max() <= 1
