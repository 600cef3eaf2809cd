"""HippoSense: beside its own lessons the model tells of one sense at another time, from all of the other sense [1].

L = L_SFT + lambda_1 L_VAS + lambda_2 L_AVS. VAS: the whole video and the sound of now are given, and what is heard a
while ahead or back is told. AVS: the whole sound and the pictures and motion of now, and what is seen is told. What is
not given is not in the sequence at all. Each of the three is a mean over the answers' tokens of its own whole batch,
however many processes and pieces it is computed in (`sft.losses`), so the lambdas mean the same for any of them.

The audio encoder has read the whole sound before the states of now are cut out, and so may tell a little of the rest.

References:
    [1] HippoVLM, CVPR 2026: lambda_1 = lambda_2 = 0.1; ten seconds ahead or back.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from codecsense.clips import Clips
from codecsense.config import Config
from codecsense.sequence import Given, Text
from codecsense.texts import ClipTexts

Sense = Literal["vas", "avs"]
TOLD = {"vas": "audio", "avs": "visual"}  # the modality that is told


class HippoSense(Config):
    """How often one sense is told from the other, and what that weighs; a batch of 0 leaves HippoSense out."""

    batch: int  # clips a step, of either kind
    shift: int  # intervals ahead or back; the paper: 10 s
    vas_weight: float  # lambda_1
    avs_weight: float  # lambda_2


class Moment(NamedTuple):
    """What is told, and the interval that is given of the modality that is told of."""

    now: int
    text: Text


class Task(NamedTuple):
    """One of the losses of a step: clips, what is asked of each, and what of each is given."""

    name: str
    weight: float
    rows: Int[Tensor, " clips"]
    asked: Sequence[Sequence[Text]]
    given: Given | None = None


class Senses:
    """What can be told of one sense from the other, clip by clip."""

    def __init__(self, clips: Clips, texts: Sequence[ClipTexts], settings: HippoSense) -> None:
        self.settings = settings
        self.intervals = clips.intervals
        self.moments = {sense: [moments(own.parts[TOLD[sense]], settings.shift) for own in texts] for sense in TOLD}
        self.rows = {
            sense: torch.tensor([row for row, own in enumerate(found) if own]) for sense, found in self.moments.items()
        }
        empty = [TOLD[sense] for sense, rows in self.rows.items() if not len(rows)]
        if empty:
            raise ValueError(f"no clip has {empty[0]} captions sft.sense.shift {settings.shift} intervals apart")

    def draw(self, generator: torch.Generator) -> list[Task]:
        """The two tasks of a step; a clip is drawn as often as any other that can be told of."""
        weights = {"vas": self.settings.vas_weight, "avs": self.settings.avs_weight}
        return [self._task(sense, weights[sense], generator) for sense in TOLD]

    def _task(self, sense: str, weight: float, generator: torch.Generator) -> Task:
        known = self.rows[sense]
        rows = known[torch.randint(len(known), (self.settings.batch,), generator=generator)]
        drawn = []
        for row in rows.tolist():
            own = self.moments[sense][row]
            drawn.append(own[int(torch.randint(len(own), (), generator=generator))])
        now = torch.tensor([moment.now for moment in drawn])
        return Task(sense, weight, rows, [[moment.text] for moment in drawn], given(sense, now, self.intervals))


def moments(told: dict[int, Text], shift: int) -> list[Moment]:
    """Every caption of a modality that stands `shift` intervals ahead or back of another, with that other."""
    found = []
    for now in sorted(told):
        found += [Moment(now, told[other]) for other in (now + shift, now - shift) if other in told and other != now]
    return found


def given(sense: str, now: Int[Tensor, " clips"], intervals: int) -> Given:
    """What is shown where `sense` is told of: all of the other modality, and its own at `now` alone.

    The pictures of now are the two anchors around it.
    """
    here = torch.arange(intervals) == now[:, None]
    everything = torch.ones_like(here)
    anchors = torch.arange(intervals + 1)
    around = (anchors == now[:, None]) | (anchors == now[:, None] + 1)
    if sense == "vas":
        return Given(pictures=torch.ones_like(around), motion=everything, sound=here)
    return Given(pictures=around, motion=here, sound=everything)
