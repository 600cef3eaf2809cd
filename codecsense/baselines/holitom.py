"""Similarity merging in the manner of HoliTom [1]: what stays the same over time is shown once.

The video is cut into segments so that as many tokens as possible are redundant: within a segment, a place of the
picture is redundant if its token stays alike from each frame to the next. The best cut is found exactly, by dynamic
programming. Redundant tokens are merged into the segment's first, as their mean. HoliTom's spatial merging within a
frame and its merging inside the language model are not part of this.

References:
    [1] Shao et al., HoliTom: Holistic Token Merging for Fast Video LLMs, arXiv 2505.21334, section on outer pruning.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, kept, laid_out, seen_by
from codecsense.model import CodecSense


class Settings(Rival):
    """From which cosine on two tokens are the same."""

    fires: ClassVar[str] = "tokens merged"
    name: Literal["holitom"]
    alike: float

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """All pictures, less what was merged into an earlier one."""
        seen = seen_by(model.host, view.pictures)
        merged, left = merge(seen, self.alike)
        tally["tokens merged"] += int((~left).sum())
        tally["segments"] += len(cut(steady(seen, self.alike)))
        return kept(laid_out(model.host, merged), torch.nonzero(left.flatten())[:, 0][None])


def merge(
    seen: Float[Tensor, "pictures patches seen"], alike: float
) -> tuple[Float[Tensor, "pictures patches seen"], Bool[Tensor, "pictures patches"]]:
    """Tokens with the mean of all that were merged into them, and which tokens are left."""
    same = steady(seen, alike)
    merged, left = seen.clone(), torch.ones(seen.shape[:2], dtype=torch.bool)
    for first, end in cut(same):
        redundant = same[first : end - 1].all(0)
        merged[first, redundant] = seen[first:end, redundant].mean(0)
        left[first + 1 : end, redundant] = False
    return merged, left


def steady(seen: Float[Tensor, "pictures patches seen"], alike: float) -> Bool[Tensor, "steps patches"]:
    """Where a token is like the one before it in time."""
    return torch.nn.functional.cosine_similarity(seen[1:], seen[:-1], dim=-1) >= alike


def cut(same: Bool[Tensor, "steps patches"]) -> list[tuple[int, int]]:
    """Segments as [first, end) that make most tokens redundant; of equally good cuts the one with fewest segments."""
    count = len(same) + 1
    best: list[tuple[int, int]] = [(0, 0)]  # redundant tokens before this picture, and less the segments, to maximise
    back = [0]
    for end in range(1, count + 1):
        options = []
        for first in range(end):
            redundant = int(same[first : end - 1].all(0).sum()) * (end - 1 - first) if end - first > 1 else 0
            options.append((best[first][0] + redundant, best[first][1] - 1))
        best.append(max(options))
        back.append(options.index(best[-1]))
    found, end = [], count
    while end:
        found.append((back[end], end))
        end = back[end]
    return found[::-1]
