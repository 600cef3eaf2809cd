"""Clustered and stratified intervals, and power, against statsmodels, closed forms and simulation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar as exact
from statsmodels.stats.proportion import proportion_confint

from codecsense.evaluation import statistics
from codecsense.evaluation.statistics import Resampling

RESAMPLING = Resampling(draws=4000, seed=0, confidence=0.95)


def clustered_answers(seed: int, clips: int = 40) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 9, size=clips)
    names = np.repeat(np.arange(clips), sizes)
    return generator.random(len(names)) < generator.beta(3, 2, size=clips)[names], names


@pytest.mark.parametrize("seed", range(5))
def test_the_clustered_interval_is_that_of_least_squares_with_clustered_errors(seed: int):
    correct, clips = clustered_answers(seed)
    fit = sm.OLS(correct.astype(float), np.ones(len(correct))).fit(
        cov_type="cluster", cov_kwds={"groups": clips}, use_t=True
    )
    mine = statistics.clustered(correct, clips, confidence=0.9)
    assert mine.value == pytest.approx(float(fit.params[0]), abs=1e-12)
    assert mine[1:] == pytest.approx(fit.conf_int(alpha=0.1)[0], abs=1e-12)


@pytest.mark.parametrize(("correct", "total"), [(0, 7), (7, 7), (13, 40), (1653, 2700)])
def test_wilson_agrees_with_statsmodels_and_with_its_closed_form(correct: int, total: int):
    mine = statistics.wilson(correct, total, confidence=0.95)
    assert mine[1:] == pytest.approx(proportion_confint(correct, total, method="wilson"), abs=1e-12)
    share, z = correct / total, norm.ppf(0.975)
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    assert mine[1:] == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_mcnemar_agrees_with_statsmodels():
    generator = np.random.default_rng(0)
    first, second = generator.random(300) < 0.7, generator.random(300) < 0.6
    table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
    mine = statistics.mcnemar(first=first, second=second)
    assert mine.p_value == pytest.approx(float(exact(table, exact=True).pvalue), abs=1e-12)


def test_a_macro_mean_counts_every_stratum_once_whatever_its_size():
    correct = np.array([True] * 90 + [False] * 10 + [False] * 10)
    strata = np.array(["a"] * 100 + ["b"] * 10)
    estimate = statistics.macro(correct, np.arange(110), strata, RESAMPLING)
    assert estimate.value == pytest.approx(0.45, abs=1e-12)
    assert (estimate.low, estimate.high) != (0.45, 0.45)


def test_one_stratum_has_the_plain_interval_to_its_own_noise():
    correct, clips = clustered_answers(3, clips=200)
    macro = statistics.macro(correct, clips, np.full(len(clips), "a"), RESAMPLING)
    plain = statistics.accuracy(correct, clips, RESAMPLING)
    assert macro == pytest.approx(plain, abs=0.01)


def test_the_macro_interval_has_the_closed_form_of_independent_strata():
    """Strata of n independent trials: variance of the mean of means is the sum of p (1 - p) / n over k squared."""
    shares, sizes = (0.2, 0.5, 0.9), (400, 900, 250)
    correct = np.concatenate([np.arange(n) < p * n for p, n in zip(shares, sizes, strict=True)])
    strata = np.repeat(["a", "b", "c"], sizes)
    estimate = statistics.macro(correct, np.arange(len(correct)), strata, RESAMPLING)
    error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, sizes, strict=True))) / 3
    assert estimate.low == pytest.approx(np.mean(shares) - norm.ppf(0.975) * error, abs=0.002)
    assert estimate.high == pytest.approx(np.mean(shares) + norm.ppf(0.975) * error, abs=0.002)


def test_a_result_does_not_differ_from_itself_in_the_macro_mean():
    correct, clips = clustered_answers(1)
    strata = np.where(clips % 2 == 0, "a", "b")
    same = statistics.paired_macro_difference(
        first=correct, second=correct, clips=clips, strata=strata, resampling=RESAMPLING
    )
    assert same == (0, 0, 0)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Clustered answers of known mean 0.6 in two strata; 300 repetitions of 90 % intervals hold it in 90 +- 5 %."""
    generator, held = np.random.default_rng(5), np.zeros(3)
    clips = np.repeat(np.arange(80), 5)
    strata = np.where(clips < 30, "a", "b")
    for repetition in range(300):
        correct = generator.random(400) < generator.beta(3, 2, size=80)[clips]
        resampling = Resampling(400, repetition, 0.9)
        estimates = (
            statistics.clustered(correct, clips, confidence=0.9),
            statistics.macro(correct, clips, strata, resampling),
            statistics.wilson(int(correct[::5].sum()), 80, confidence=0.9),  # one question of each clip
        )
        held += [estimate.low <= 0.6 <= estimate.high for estimate in estimates]
    assert ((held / 300 >= 0.85) & (held / 300 <= 0.95)).all(), held / 300


def test_the_design_effect_is_one_for_independent_questions_and_the_cluster_size_for_copies():
    generator = np.random.default_rng(2)
    alone = generator.random(2000) < 0.5
    assert statistics.design_effect(alone, np.arange(2000)) == pytest.approx(1, abs=0.01)
    assert statistics.design_effect(np.repeat(alone, 4), np.repeat(np.arange(2000), 4)) == pytest.approx(4, abs=0.02)
    assert statistics.design_effect(np.ones(20, dtype=bool), np.arange(20) // 2) == 1


def test_the_number_of_questions_and_the_power_are_each_others_inverse():
    for difference, discordant in ((0.02, 0.2), (0.05, 0.3), (0.1, 0.1)):
        needed = statistics.questions_needed(difference, discordant, confidence=0.95, power=0.8)
        power = statistics.power_of(difference, discordant, questions=needed, confidence=0.95)
        fewer = statistics.power_of(difference, discordant, questions=needed - 1, confidence=0.95)
        assert power >= 0.8 - 1e-12 or difference == discordant
        assert fewer < 0.8
    assert statistics.questions_needed(0.02, 0.2, confidence=0.95, power=0.8) == 3923  # 3922.08 by hand


def test_so_many_questions_find_the_difference_as_often_as_they_should():
    """2000 simulated comparisons of the needed size; McNemar's normal test finds 80 +- 3 % of them."""
    difference, discordant = 0.1, 0.3
    needed = statistics.questions_needed(difference, discordant, confidence=0.95, power=0.8)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    only_first, only_second, _ = np.random.default_rng(0).multinomial(needed, shares, size=2000).T
    found = np.abs(only_first - only_second) / np.sqrt(only_first + only_second) > norm.ppf(0.975)
    assert 0.77 <= found.mean() <= 0.83


def test_a_difference_larger_than_the_disagreement_cannot_be():
    with pytest.raises(ValueError, match="difference <= discordant"):
        statistics.questions_needed(0.3, 0.2, confidence=0.95, power=0.8)
