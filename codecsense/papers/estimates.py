"""How sure a number over several seeds is: seeds and clips both count.

Every seed answers questions about the same clips, so the mean over seeds has two errors: another set of clips would
give another value, and so would other seeds. Both variances are added; the second holds part of the first, so the
interval errs on the wide side. With one seed only the clips are known, and a reader is told so.

Shapes:
    seeds  repetitions of a run    questions  all that any seed was asked; what another was not is NaN there

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
    by_seed = np.sum([means(part) for part in parts], axis=0)
    variance = sum(_over_clips(part) for part in parts)
    freedom = min(len(set(part.clips.tolist())) for part in parts) - 1
    if seeds > 1:
        variance += float(by_seed.var(ddof=1)) / seeds
        freedom = seeds - 1
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * sqrt(variance)
    value = float(by_seed.mean())
    return Estimate(value=value, low=value - half, high=value + half)


def means(part: Part) -> Float[np.ndarray, " seeds"]:
    """The mean of each seed over the questions that it was asked."""
    return np.asarray(np.nanmean(part.values, axis=1))


def _over_clips(part: Part) -> float:
    """The cluster-robust variance of the mean of seeds' means [1]: questions about one clip stand and fall together.

    Each answer pulls its seed's mean by its distance from it over the number of that seed's questions; pulls of a clip
    are added before they are squared.
    """
    asked = ~np.isnan(part.values)
    pulls = np.where(asked, part.values - means(part)[:, None], 0.0) / asked.sum(axis=1, keepdims=True) / len(asked)
    _, clip = np.unique(part.clips, return_inverse=True)
    by_clip = np.bincount(clip, weights=pulls.sum(axis=0))
    if len(by_clip) < 2:
        raise ValueError(f"an interval over clips needs at least 2 clips, found {len(by_clip)}")
    return float(len(by_clip) / (len(by_clip) - 1) * (by_clip**2).sum())
