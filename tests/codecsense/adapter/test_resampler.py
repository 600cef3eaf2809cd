"""From maps to tokens: what is missing leaves no trace, what is there keeps its order."""

import torch

from codecsense.adapter.mamba2 import Mamba2Block, Mamba2Size
from codecsense.adapter.resampler import Resampler, moved_up, times
from codecsense.adapter.steps import laid_under

SIZE = Mamba2Size(expand=2, head=8, state=4, window=4, chunk=64)


def resampler(layers: int) -> Resampler:
    torch.manual_seed(0)
    return Resampler(width=16, tokens=5, heads=2, blocks=[Mamba2Block(width=16, size=SIZE) for _ in range(layers)])


def test_steps_that_are_there_move_up_in_their_order():
    steps = torch.arange(1.0, 6.0)[None, :, None].expand(2, 5, 1)
    there = torch.tensor([[False, True, False, True, True], [True, True, False, False, False]])
    moved, known = moved_up(steps, there)
    assert moved[..., 0].tolist() == [[2, 4, 5, 0, 0], [1, 2, 0, 0, 0]]
    assert known.tolist() == [[True, True, True, False, False], [True, True, False, False, False]]


def test_missing_steps_leave_no_trace_in_a_state_space_model():
    """Neither what they hold nor that they stand between others reaches the state: only the time of the others does."""
    own, steps = resampler(2), torch.randn(2, 3, 6, 16)
    there = torch.rand(2, 3, 6) < 0.5
    other = torch.where(there[..., None], steps, torch.randn_like(steps))
    assert torch.equal(own(steps, there), own(other, there))


def test_the_time_of_a_step_is_told_whatever_is_missing_before_it():
    own, steps = resampler(1), torch.zeros(1, 1, 6, 16)
    early, late = torch.zeros(2, 1, 1, 6, dtype=torch.bool)
    early[..., 1], late[..., 4] = True, True
    assert not torch.allclose(own(steps, early), own(steps, late), atol=1e-4)


def test_no_two_steps_have_the_same_time_and_neighbours_are_alike():
    when = times(15, 32)
    apart = torch.cdist(when, when) + torch.eye(15) * 1e9
    assert apart.min() > 0.1
    assert when.abs().max() <= 1
    assert times(15, 7).shape == (15, 7)


def test_queries_say_different_things():
    said = resampler(0)(torch.randn(1, 1, 6, 16), torch.ones(1, 1, 6, dtype=torch.bool))[0, 0]
    assert (torch.cdist(said, said) + torch.eye(5)).min() > 1e-2


def test_a_moment_lies_under_the_maps_nearest_to_it():
    """Three frames between anchors at 1/4, 2/4 and 3/4 of the way, and eight maps."""
    laid = laid_under(torch.tensor([[[[1.0], [2.0], [3.0]]]]), 8)
    assert laid[0, 0, :, 0].tolist() == [1, 1, 1, 2, 2, 3, 3, 3]
    assert laid_under(torch.tensor([[[[7.0]]]]), 3)[0, 0, :, 0].tolist() == [7, 7, 7]
