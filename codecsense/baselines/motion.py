"""What the rivals are rivals of: anchors, and between them what the motion adapter makes of the codec's maps.

The checkpoint says which streams and senses that are; one without an adapter shows its pictures alone.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from codecsense.baselines import Rival, Shown, Tally, View, seen_by
from codecsense.model import CodecSense
from codecsense.sequence import MOTION


class Settings(Rival):
    """The model as it was trained."""

    fires: ClassVar[str] = "motion tokens"
    name: Literal["motion"]

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The prefix of the model, its anchors looked at anew so that their cost is counted."""
        live = seen_by(model.host, view.pictures[view.anchors])[None]
        tower = view.clip.tower.clone()
        tower[:, view.anchors] = live[..., : tower.shape[-1]]
        clip = view.clip._replace(tower=tower, tri=view.clip.tri._replace(context=tower[:, view.anchors[:-1]]))
        pictures, injected = model.senses(clip)
        start = model.start
        assert start.positions is not None
        tally["motion tokens"] += int((start.kinds == MOTION).sum())
        return Shown(start.ids[None], start.kinds[None], start.positions[:, None], pictures, tuple(injected))
