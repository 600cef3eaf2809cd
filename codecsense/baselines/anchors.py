"""Anchors only: the key frames, and nothing of what happens between them."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from codecsense.baselines import Rival, Shown, Tally, View, laid_out, seen_by
from codecsense.model import CodecSense


class Settings(Rival):
    """All anchors of a clip."""

    fires: ClassVar[str] = "pictures left out"
    name: Literal["anchors"]

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The anchors, one behind the other."""
        tally["pictures left out"] += len(view.pictures) - len(view.anchors)
        return laid_out(model.host, seen_by(model.host, view.pictures[view.anchors]))
