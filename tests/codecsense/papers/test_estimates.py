"""Intervals over seeds and clips."""

import numpy as np
import pytest
from scipy.stats import t

from codecsense.papers.estimates import Part, total

DRAWN = np.random.default_rng(0)


def part(values: np.ndarray, questions_per_clip: int = 1) -> Part:
    return Part(values, np.arange(values.shape[1]) // questions_per_clip)


def test_one_seed_with_one_question_a_clip_has_students_interval_of_the_mean():
    values = DRAWN.random((1, 40))
    found = total([part(values)], confidence=0.9)
    half = t.ppf(0.95, 39) * values.std(ddof=1) / np.sqrt(40)
    np.testing.assert_allclose(found, [values.mean(), values.mean() - half, values.mean() + half])


def test_questions_that_stand_and_fall_together_count_once():
    by_clip = DRAWN.random((1, 30))
    alone, repeated = total([part(by_clip)], confidence=0.95), np.repeat(by_clip, 5, axis=1)
    np.testing.assert_allclose(total([part(repeated, 5)], confidence=0.95), alone)


def test_seeds_that_disagree_widen_the_interval():
    same = np.repeat(DRAWN.random((1, 50)), 5, axis=0)
    apart = same + np.array([-0.2, -0.1, 0.0, 0.1, 0.2])[:, None]
    narrow, wide = (total([part(values)], confidence=0.95) for values in (same, apart))
    assert narrow.value == pytest.approx(wide.value)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_interval_of_five_seeds_holds_the_truth_as_often_as_it_says():
    """Seeds and clips are both drawn anew each time; the interval may be wide but must not be too narrow."""
    held = 0
    for _ in range(400):
        seeds, clips, rest = (
            DRAWN.normal(0, scale, size) for scale, size in ((0.1, (5, 1)), (0.5, (1, 60)), (0.2, (5, 60)))
        )
        found = total([part(seeds + clips + rest)], confidence=0.9)
        held += found.low <= 0 <= found.high
    assert held / 400 > 0.88


def test_seeds_that_are_asked_about_other_questions_count_each_their_own():
    values = DRAWN.random((3, 60))
    for seed, row in enumerate(values):
        row[np.arange(60) % 3 != seed] = np.nan
    found = total([part(values)], confidence=0.95)
    own = [row[~np.isnan(row)] for row in values]
    assert found.value == pytest.approx(np.mean([each.mean() for each in own]))
    clips = sum(each.var(ddof=1) / 20 for each in own) / 9  # of three means of 20 each, independent of each other
    seeds = np.var([each.mean() for each in own], ddof=1) / 3
    half = t.ppf(0.975, 2) * np.sqrt(clips + seeds)
    assert found.high - found.value == pytest.approx(half, rel=0.03)


def test_worlds_with_their_own_clips_add_their_variances():
    one, other = DRAWN.random((3, 40)), DRAWN.random((3, 40))
    both = total([part(one), part(-other)], confidence=0.95)
    assert both.value == pytest.approx(one.mean() - other.mean())
    assert both.high - both.low > total([part(one)], confidence=0.95).high - total([part(one)], confidence=0.95).low


def test_parts_of_different_seeds_cannot_be_added():
    with pytest.raises(ValueError, match="the same seeds"):
        total([part(np.zeros((2, 4))), part(np.zeros((3, 4)))], confidence=0.95)
