"""Intervals against closed forms and against counts that were published."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from codecsense.evaluation.statistics import Resampling, accuracy, mcnemar, paired_difference, wilson

RESAMPLING = Resampling(draws=4000, seed=0, confidence=0.95)


@pytest.mark.parametrize(("correct", "low", "high"), [(1653, 59.37, 63.04), (1661, 59.67, 63.34), (1715, 61.68, 65.31)])
def test_wilson_gives_the_intervals_of_the_counts_that_the_paper_prints(correct: int, low: float, high: float):
    """Counts of HY-Himmel's table on Video-MME, 2700 questions, put into Wilson's formula by hand."""
    estimate = wilson(correct, 2700, confidence=0.95)
    assert [round(100 * bound, 2) for bound in estimate[1:]] == [low, high]


def test_wilson_stays_inside_zero_and_one_and_is_not_empty_at_the_ends():
    none, all_of_them = wilson(0, 10, confidence=0.95), wilson(10, 10, confidence=0.95)
    assert none.low == pytest.approx(0)
    assert none.high > 0.2
    assert all_of_them.high == pytest.approx(1)
    assert all_of_them.low < 0.8


def test_wilson_refuses_counts_that_cannot_be():
    with pytest.raises(ValueError, match="11 correct of 10"):
        wilson(11, 10, confidence=0.95)


def test_with_one_question_a_clip_the_interval_is_the_normal_one_of_a_proportion():
    """Percentile bootstrap of n independent trials: mean +- z sqrt(p (1 - p) / n), to its own noise (draws = 4000)."""
    correct = np.arange(900) % 3 == 0
    estimate = accuracy(correct, np.arange(900), RESAMPLING)
    half = norm.ppf(0.975) * np.sqrt((1 / 3) * (2 / 3) / 900)
    assert estimate.value == pytest.approx(1 / 3)
    assert estimate.low == pytest.approx(1 / 3 - half, abs=0.002)
    assert estimate.high == pytest.approx(1 / 3 + half, abs=0.002)


def test_questions_that_stand_and_fall_with_their_clip_count_once():
    by_clip = np.arange(100) % 2 == 0
    alone = accuracy(by_clip, np.arange(100), RESAMPLING)
    tenfold = accuracy(np.repeat(by_clip, 10), np.repeat(np.arange(100), 10), RESAMPLING)
    assert tenfold == alone


def test_the_order_of_the_questions_does_not_matter():
    generator = np.random.default_rng(1)
    correct, clips = generator.random(300) < 0.7, generator.integers(0, 40, 300)
    order = generator.permutation(300)
    assert accuracy(correct, clips, RESAMPLING) == accuracy(correct[order], clips[order], RESAMPLING)


def test_a_run_does_not_differ_from_itself():
    correct = np.arange(60) % 4 == 0
    same = paired_difference(first=correct, second=correct, clips=np.arange(60) // 3, resampling=RESAMPLING)
    assert same == (0, 0, 0)
    assert not same.decided


def test_pairing_finds_a_difference_that_two_separate_intervals_would_hide():
    generator = np.random.default_rng(2)
    worse = generator.random(400) < 0.5
    better = worse | (generator.random(400) < 0.04)
    clips = np.arange(400) // 2
    difference = paired_difference(first=better, second=worse, clips=clips, resampling=RESAMPLING)
    assert difference.value == pytest.approx(better.mean() - worse.mean())
    assert difference.decided
    assert accuracy(better, clips, RESAMPLING).low < accuracy(worse, clips, RESAMPLING).high


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Clustered answers of known mean 0.6; 300 repetitions of a 90 % interval hold it in 90 +- 5 % of cases."""
    generator = np.random.default_rng(3)
    held = 0
    for repetition in range(300):
        difficulty = generator.beta(3, 2, size=80)
        clips = np.repeat(np.arange(80), 5)
        estimate = accuracy(generator.random(400) < difficulty[clips], clips, Resampling(400, repetition, 0.9))
        held += estimate.low <= 0.6 <= estimate.high
    assert 0.85 <= held / 300 <= 0.95


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    correct, clips = np.arange(90) % 7 < 3, np.arange(90) // 3
    assert accuracy(correct, clips, RESAMPLING) == accuracy(correct, clips, RESAMPLING)
    assert accuracy(correct, clips, RESAMPLING) != accuracy(correct, clips, RESAMPLING._replace(seed=5))


def test_one_clip_has_no_interval():
    with pytest.raises(ValueError, match="at least 2 clips, found 1"):
        accuracy(np.array([True, False]), np.array(["a", "a"]), RESAMPLING)


def test_mcnemar_is_the_binomial_test_of_the_questions_that_differ():
    first = np.array([True] * 9 + [False] * 2 + [True] * 30)
    second = np.array([False] * 9 + [True] * 2 + [True] * 30)
    result = mcnemar(first=first, second=second)
    assert (result.only_first, result.only_second) == (9, 2)
    assert result.p_value == pytest.approx(binomtest(2, 11).pvalue)
