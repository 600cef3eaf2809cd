"""How sure a number is: intervals of accuracies and of differences, McNemar's test, and how many questions it takes.

Questions about one clip stand and fall together, so clips are resampled and not questions: an interval
over single questions would be too narrow. Two runs answer the same questions, so their difference is
taken question by question before anything is resampled, and what is hard for both cancels.

A mean of task accuracies is no proportion, so Wilson's interval is not defined for it: clips are resampled within each
task instead.

Shapes:
    questions  answers of a run, in any order    clips  distinct clips    draws  resamplings
    strata  groups whose accuracies are averaged, such as tasks

References:
    [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    [2] A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), section 5.3 (percentiles).
    [3] Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
        Psychometrika 12 (1947).
    [4] A. C. Cameron, D. L. Miller, A practitioner's guide to cluster-robust inference, J. Human Resources 50 (2015).
    [5] R. J. Connor, Sample size for testing differences in proportions for the paired-sample design,
        Biometrics 43 (1987).
"""

from collections.abc import Iterator
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Shaped

DRAWS_AT_ONCE = 500  # bounds memory: draws x clips counts are held at a time


class Estimate(NamedTuple):
    """A value and the interval that holds it with the confidence asked for."""

    value: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether zero lies outside the interval: a difference that cannot be told from none is undecided."""
        return self.low > 0 or self.high < 0


class Resampling(NamedTuple):
    """How intervals are taken: so many resamplings of the clips, from this seed, at this confidence."""

    draws: int
    seed: int
    confidence: float


class Disagreement(NamedTuple):
    """Questions that only one of two runs has right, and the probability of a split so uneven by chance."""

    only_first: int
    only_second: int
    p_value: float


def wilson(correct: int, total: int, *, confidence: float) -> Estimate:
    """A proportion with Wilson's score interval [1], for independent trials; it stays inside 0 and 1."""
    from statsmodels.stats.proportion import proportion_confint  # a second to import, which every stage would pay

    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} correct of {total}: needs at least one trial and no more correct than trials")
    low, high = proportion_confint(correct, total, alpha=1 - confidence, method="wilson")
    return Estimate(value=correct / total, low=float(low), high=float(high))


def accuracy(
    correct: Bool[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"], resampling: Resampling
) -> Estimate:
    """Mean of `correct` with a percentile interval over resampled clips [2]."""
    return _mean(correct.astype(np.float64), clips, resampling)


def paired_difference(
    *,
    first: Bool[np.ndarray, " questions"],
    second: Bool[np.ndarray, " questions"],
    clips: Shaped[np.ndarray, " questions"],
    resampling: Resampling,
) -> Estimate:
    """Accuracy of `first` minus that of `second` on the same questions in the same order [2]."""
    return _mean(first.astype(np.float64) - second, clips, resampling)


def mcnemar(*, first: Bool[np.ndarray, " questions"], second: Bool[np.ndarray, " questions"]) -> Disagreement:
    """The exact test on the questions where two runs differ [3]; unlike the above it takes questions as independent."""
    from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    table = [[0, only_first], [only_second, 0]]
    return Disagreement(only_first, only_second, float(exact_mcnemar(table, exact=True).pvalue))


def clustered(
    correct: Bool[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"], *, confidence: float
) -> Estimate:
    """Mean of `correct` with the cluster-robust interval [4]: the CR1 standard error and Student's t with clips - 1.

    It is what least squares on a constant gives with clustered errors. Unlike the others it may leave 0 and 1.
    """
    from scipy.stats import t

    sums, counts = _by_clip(correct.astype(np.float64), clips)
    number, total = len(counts), counts.sum()
    mean = sums.sum() / total
    residuals = sums - counts * mean
    error = float(np.sqrt(number / (number - 1) * (residuals**2).sum()) / total)
    half = float(t.ppf(0.5 + confidence / 2, number - 1)) * error
    return Estimate(value=float(mean), low=float(mean) - half, high=float(mean) + half)


def macro(
    correct: Bool[np.ndarray, " questions"],
    clips: Shaped[np.ndarray, " questions"],
    strata: Shaped[np.ndarray, " questions"],
    resampling: Resampling,
) -> Estimate:
    """Mean of the strata's means of `correct`, with a percentile interval over clips resampled within strata [2]."""
    return _macro(correct.astype(np.float64), clips, strata, resampling)


def paired_macro_difference(
    *,
    first: Bool[np.ndarray, " questions"],
    second: Bool[np.ndarray, " questions"],
    clips: Shaped[np.ndarray, " questions"],
    strata: Shaped[np.ndarray, " questions"],
    resampling: Resampling,
) -> Estimate:
    """The macro mean of `first` minus that of `second` on the same questions in the same order [2]."""
    return _macro(first.astype(np.float64) - second, clips, strata, resampling)


def questions_needed(difference: float, discordant: float, *, confidence: float, power: float) -> int:
    """Questions for McNemar's test to find a true `difference` of two accuracies with probability `power` [5].

    `discordant` is the share of questions that only one of the two has right; it is at least the difference. Questions
    are taken as independent: several about one video carry less, by their design effect.
    """
    _check_power(difference, discordant)
    one, other = _normal(0.5 + confidence / 2), _normal(power)
    return ceil(((one * sqrt(discordant) + other * sqrt(discordant - difference**2)) / difference) ** 2)


def power_of(difference: float, discordant: float, *, questions: int, confidence: float) -> float:
    """Probability that McNemar's test on so many questions finds a true `difference`, the inverse of the above [5]."""
    from scipy.stats import norm

    _check_power(difference, discordant)
    spread = sqrt(discordant - difference**2)
    reach = sqrt(questions) * abs(difference) - _normal(0.5 + confidence / 2) * sqrt(discordant)
    return float(norm.cdf(reach / spread)) if spread else float(reach >= 0)


def design_effect(correct: Bool[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"]) -> float:
    """How many times the variance of independent questions the clustered variance is [4]; 1 where nothing varies."""
    sums, counts = _by_clip(correct.astype(np.float64), clips)
    total, number = counts.sum(), len(counts)
    mean = sums.sum() / total
    if mean in (0, 1):
        return 1.0
    clustered_variance = number / (number - 1) * ((sums - counts * mean) ** 2).sum() / total**2
    return float(clustered_variance / (mean * (1 - mean) / total))


def _check_power(difference: float, discordant: float) -> None:
    if not 0 < abs(difference) <= discordant <= 1:
        raise ValueError(
            f"a difference of {difference} with {discordant} discordant: needs 0 < difference <= discordant <= 1"
        )


def _normal(probability: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(probability))


def _macro(
    values: Float[np.ndarray, " questions"],
    clips: Shaped[np.ndarray, " questions"],
    strata: Shaped[np.ndarray, " questions"],
    resampling: Resampling,
) -> Estimate:
    """Mean of the strata's means; each stratum is resampled with a seed of its own, by its place in sorted order."""
    names, stratum = np.unique(strata, return_inverse=True)
    value, drawn = 0.0, np.zeros(resampling.draws)
    for number in range(len(names)):
        own = stratum == number
        sums, counts = _by_clip(values[own], clips[own])
        seeds = np.random.SeedSequence([resampling.seed, number])
        drawn += _resampled(sums, counts, resampling._replace(seed=int(seeds.generate_state(1)[0]))) / len(names)
        value += float(values[own].mean()) / len(names)
    low, high = _bounds(drawn, resampling.confidence)
    return Estimate(value, low, high)


def _mean(
    values: Float[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"], resampling: Resampling
) -> Estimate:
    """Mean over questions; a resampled clip brings all of its questions, so it is a ratio of two sums over clips."""
    sums, counts = _by_clip(values, clips)
    low, high = _bounds(_resampled(sums, counts, resampling), resampling.confidence)
    return Estimate(value=float(values.mean()), low=low, high=high)


def _by_clip(
    values: Float[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"]
) -> tuple[Float[np.ndarray, " clips"], Float[np.ndarray, " clips"]]:
    """Sum of the values and number of questions of each clip."""
    if len(values) != len(clips):
        raise ValueError(f"{len(values)} answers but {len(clips)} clip names")
    _, clip = np.unique(clips, return_inverse=True)
    counts = np.bincount(clip).astype(np.float64)
    if len(counts) < 2:
        raise ValueError(f"an interval over clips needs at least 2 clips, found {len(counts)}")
    return np.bincount(clip, weights=values), counts


def _resampled(
    sums: Float[np.ndarray, " clips"], counts: Float[np.ndarray, " clips"], resampling: Resampling
) -> Float[np.ndarray, " draws"]:
    """The mean of every resampling of the clips."""
    return np.concatenate([(drawn @ sums) / (drawn @ counts) for drawn in _draws(len(counts), resampling)])


def _bounds(means: Float[np.ndarray, " draws"], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _draws(num_clips: int, resampling: Resampling) -> Iterator[npt.NDArray[np.int64]]:
    """How often each clip is drawn, with replacement: blocks of [draws, clips]."""
    generator = np.random.default_rng(resampling.seed)
    for start in range(0, resampling.draws, DRAWS_AT_ONCE):
        size = min(DRAWS_AT_ONCE, resampling.draws - start)
        drawn = generator.integers(num_clips, size=(size, num_clips)) + num_clips * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * num_clips).reshape(size, num_clips)
