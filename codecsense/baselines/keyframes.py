"""Keyframe selection: the few frames that differ most from one another, found with the host's own tower.

Farthest-first traversal [1]: from the opening anchor on, the frame that is least like all chosen ones is chosen next.

References:
    [1] T. F. Gonzalez, Clustering to minimize the maximum intercluster distance, TCS 38 (1985).
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, laid_out, seen_by
from codecsense.model import CodecSense


class Settings(Rival):
    """How many pictures are kept."""

    fires: ClassVar[str] = "pictures left out"
    name: Literal["keyframes"]
    pictures: int

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The chosen pictures in the order of time."""
        if not 1 <= self.pictures <= len(view.pictures):
            raise ValueError(f"`pictures: {self.pictures}` of a clip that has {len(view.pictures)}")
        seen = seen_by(model.host, view.pictures)
        chosen = farthest_first(seen.flatten(1), self.pictures)
        tally["pictures left out"] += len(view.pictures) - len(chosen)
        tally["chosen that are no anchors"] += len(set(chosen) - set(view.anchors))
        return laid_out(model.host, seen[chosen])


def farthest_first(features: Float[Tensor, "pictures numbers"], count: int) -> list[int]:
    """Indices of `count` pictures, sorted: each is the farthest (in cosine) from all chosen before it."""
    alike = torch.nn.functional.normalize(features, dim=-1)
    distance = 1 - alike @ alike.T
    chosen = [0]
    while len(chosen) < count:
        nearest = distance[chosen].amin(0)
        nearest[chosen] = -torch.inf
        chosen.append(int(nearest.argmax()))
    return sorted(chosen)
