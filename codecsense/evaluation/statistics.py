"""How sure a number is: intervals of accuracies and of paired differences, and McNemar's test.

Questions about one clip stand and fall together, so clips are resampled and not questions: an interval
over single questions would be too narrow. Two runs answer the same questions, so their difference is
taken question by question before anything is resampled, and what is hard for both cancels.

Shapes:
    questions  answers of a run, in any order    clips  distinct clips    draws  resamplings

References:
    [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    [2] A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), section 5.3 (percentiles).
    [3] Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
        Psychometrika 12 (1947).
"""

from collections.abc import Iterator
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


def _mean(
    values: Float[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"], resampling: Resampling
) -> Estimate:
    """Mean over questions; a resampled clip brings all of its questions, so it is a ratio of two sums over clips."""
    if len(values) != len(clips):
        raise ValueError(f"{len(values)} answers but {len(clips)} clip names")
    _, clip = np.unique(clips, return_inverse=True)
    counts = np.bincount(clip).astype(np.float64)
    if len(counts) < 2:
        raise ValueError(f"an interval over clips needs at least 2 clips, found {len(counts)}")
    sums = np.bincount(clip, weights=values)
    means = np.concatenate([(drawn @ sums) / (drawn @ counts) for drawn in _draws(len(counts), resampling)])
    tail = (1 - resampling.confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(value=float(values.mean()), low=float(low), high=float(high))


def _draws(num_clips: int, resampling: Resampling) -> Iterator[npt.NDArray[np.int64]]:
    """How often each clip is drawn, with replacement: blocks of [draws, clips]."""
    generator = np.random.default_rng(resampling.seed)
    for start in range(0, resampling.draws, DRAWS_AT_ONCE):
        size = min(DRAWS_AT_ONCE, resampling.draws - start)
        drawn = generator.integers(num_clips, size=(size, num_clips)) + num_clips * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * num_clips).reshape(size, num_clips)
