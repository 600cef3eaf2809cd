"""How sure a number over several seeds is: seeds and clips both count.

Every seed answers the same questions about the same clips, so the mean over seeds has two errors: another set of clips
would give another value, and so would other seeds. Both variances are added; the second holds part of the first, so the
interval errs on the wide side. With one seed only the clips are known, and a reader is told so.

Shapes:
    seeds  repetitions of a run    questions  the same ones for every seed

References:
    [1] A. C. Cameron, D. L. Miller, A practitioner's guide to cluster-robust inference, J. Human Resources 50 (2015).
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from codecsense.evaluation.statistics import Estimate


class Part(NamedTuple):
    """What one world says: a value per seed and question (an accuracy, or a difference of two), and its clip."""

    values: Float[np.ndarray, "seeds questions"]
    clips: Shaped[np.ndarray, " questions"]


def total(parts: Sequence[Part], *, confidence: float) -> Estimate:
    """The sum of the parts' means, over seeds that all parts share; clips of different parts are independent.

    The interval is Student's t, with `seeds - 1` degrees of freedom where there are several seeds, else `clips - 1`.
    """
    from scipy.stats import t

    counts = {part.values.shape[0] for part in parts}
    if len(counts) != 1:
        raise ValueError(f"every part needs the same seeds, found {sorted(counts)} of them")
    seeds = counts.pop()
    by_seed = np.sum([part.values.mean(axis=1) for part in parts], axis=0)
    variance = sum(_over_clips(part.values.mean(axis=0), part.clips) for part in parts)
    freedom = min(len(set(part.clips.tolist())) for part in parts) - 1
    if seeds > 1:
        variance += float(by_seed.var(ddof=1)) / seeds
        freedom = seeds - 1
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * sqrt(variance)
    value = float(by_seed.mean())
    return Estimate(value=value, low=value - half, high=value + half)


def _over_clips(values: Float[np.ndarray, " questions"], clips: Shaped[np.ndarray, " questions"]) -> float:
    """The cluster-robust variance of a mean [1]: questions about one clip stand and fall together."""
    _, clip = np.unique(clips, return_inverse=True)
    counts = np.bincount(clip).astype(np.float64)
    if len(counts) < 2:
        raise ValueError(f"an interval over clips needs at least 2 clips, found {len(counts)}")
    residuals = np.bincount(clip, weights=values) - counts * values.mean()
    return float(len(counts) / (len(counts) - 1) * (residuals**2).sum() / counts.sum() ** 2)
