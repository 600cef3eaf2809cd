"""Stage 1: what a bracket hides, what its target is, and that the loss can be brought down."""

import pytest
import torch
from tiny_training import ALIGN
from torch import Tensor

from codecsense.adapter import TriStream
from codecsense.clips import Batch
from codecsense.training.align import Bracket, View, bracket, draw, viewed

INTERVALS, INNER = 2, 3
MAPS = 7  # 4 gaps between 5 moments, 2 pictures each, the last of which is the closing anchor
MOMENTS = INTERVALS * (INNER + 1) + 1


def numbered(batch: int = 200) -> Batch:
    """Clips whose tower says of every moment which it is."""
    tower = torch.arange(MOMENTS).float()[None, :, None, None].expand(batch, -1, 4, 3)
    tri = TriStream(
        mv=torch.zeros(batch, INTERVALS, MAPS, 2, 4, 4),
        residual=torch.zeros(batch, INTERVALS, MAPS, 1, 4, 4),
        mask=torch.ones(batch, INTERVALS, MAPS, dtype=torch.bool),
        context=tower[:, :-1].unflatten(1, (INTERVALS, -1))[:, :, 0],
        frames=tower[:, :-1].unflatten(1, (INTERVALS, -1))[:, :, 1:],
    )
    return Batch(tower=tower, tri=tri, sound=torch.zeros(batch, INTERVALS, 0, 0))


def bracketed(clips: Batch, share: float, generator: torch.Generator) -> Bracket:
    return bracket(clips, draw(len(clips.tower), INTERVALS, INNER + 2, share, generator))


def alone(view: View, codes: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
    return viewed(view, codes, change, ALIGN, lambda rows: rows)


def test_a_bracket_shows_the_maps_of_its_stretch_and_no_other():
    """Moment k is picture 2 k; map m is of picture m + 1. The change says how many moments the stretch spans."""
    stretch = bracketed(numbered(), 0.0, torch.Generator().manual_seed(0))
    spans = stretch.change[:, :, 0, 0]
    assert set(spans.unique().tolist()) == {1.0, 2.0, 3.0, 4.0}
    seen = set()
    for visible, span in zip(stretch.visible.flatten(0, 1), spans.flatten(), strict=True):
        shown = (torch.nonzero(visible).flatten() + 1).tolist()  # pictures
        first = (shown[0] - 1) // 2
        last = first + int(span)
        assert shown == [picture for picture in range(2 * first + 1, 2 * last + 1) if picture <= MAPS]
        seen.add((first, last))
    assert len(seen) == 10, "every pair of moments must come up"


def test_the_change_is_that_of_the_right_moments_in_every_interval():
    """With the square of its number in every moment, a change tells its two moments apart from all others."""
    clips = numbered()
    stretch = bracketed(clips._replace(tower=clips.tower.square()), 0.0, torch.Generator().manual_seed(0))
    for interval in range(INTERVALS):
        opening = interval * (INNER + 1)
        changes = stretch.change[:, interval, 0, 0]
        shown = stretch.visible[:, interval].float().argmax(-1)
        first = opening + shown // 2
        last = (changes + first.float().square()).sqrt()
        assert torch.equal(last, last.round())
        assert (last > first).all()
        assert (last <= opening + INNER + 1).all()


def test_a_whole_share_of_one_is_the_report_s_bracket():
    stretch = bracketed(numbered(), 1.0, torch.Generator().manual_seed(0))
    assert stretch.visible.all()
    assert (stretch.change == INNER + 1).all()


def test_tokens_that_change_most_are_compared_and_still_ones_never():
    change = torch.zeros(1, 1, 4, 2)
    change[0, 0, 1], change[0, 0, 3] = 1.0, 3.0
    codes = torch.arange(8.0).reshape(1, 1, 4, 2)
    kept, targets = alone("tokens", codes, change)
    assert kept.tolist() == [[6.0, 7.0], [2.0, 3.0]]
    assert targets.tolist() == [[3.0, 3.0], [1.0, 1.0]]


def test_quarters_are_means_of_a_quarter_of_the_picture():
    codes = torch.arange(16.0).reshape(1, 1, 16, 1)
    pooled, _ = alone("quarters", codes, codes + 1)
    assert pooled.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_the_report_s_view_is_the_mean_change_of_an_interval():
    codes = torch.arange(24.0).reshape(1, 3, 4, 2)
    change = codes.clone()
    change[:, 1] = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    pooled, targets = alone("intervals", codes, change)
    assert pooled.tolist() == [[3.0, 4.0], [19.0, 20.0]]
    assert torch.equal(targets, pooled), "an interval whose changes cancel has no direction"


def test_fewer_tokens_than_patches_are_compared_by_interval_alone():
    codes, change = torch.ones(1, 2, 4, 3), torch.ones(1, 2, 16, 3)
    assert alone("intervals", codes, change)[0].shape == (2, 3)
    with pytest.raises(ValueError, match=r"align.views: `tokens` compares .* 16 patches .* there are 4"):
        alone("tokens", codes, change)


def test_no_direction_is_no_target():
    still = torch.zeros(1, 1, 4, 2)
    assert len(alone("quarters", torch.ones_like(still), still)[0]) == 0
    assert alone("tokens", torch.ones_like(still), still)[0].shape == (0, 2)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_brackets_depend_on_the_seed_alone(share: float):
    one, two = (bracketed(numbered(8), share, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.visible, two.visible)
    assert torch.equal(one.change, two.change)
