"""Dense-N: more decoded frames, evenly over time, each as a picture of its own."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from codecsense.baselines import Rival, Shown, Tally, View, evenly, laid_out, seen_by
from codecsense.model import CodecSense


class Settings(Rival):
    """How many pictures."""

    fires: ClassVar[str] = "pictures beyond the anchors"
    name: Literal["dense"]
    pictures: int

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The pictures, one behind the other."""
        chosen = evenly(len(view.pictures), self.pictures)
        tally["pictures beyond the anchors"] += len(set(chosen) - set(view.anchors))
        return laid_out(model.host, seen_by(model.host, view.pictures[chosen]))
