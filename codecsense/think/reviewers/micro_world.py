"""A person made of facts: looks at every item, overlooks some of what is wrong, and remarks on the rest."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Literal

from pydantic import Field

from codecsense.think import review, truth
from codecsense.think.review import Item, Verdict
from codecsense.think.reviewers import Reviewer, ReviewerConfig
from codecsense.think.teachers import Known


class Settings(ReviewerConfig):
    """How often it errs."""

    name: Literal["micro_world"]
    seed: int
    miss_rate: float = Field(ge=0, le=1)  # wrong summaries that it accepts
    false_alarm_rate: float = Field(ge=0, le=1)  # right ones that it rejects

    def build(self, known: Known) -> "MicroWorldReviewer":
        """The reviewer who knows these facts."""
        return MicroWorldReviewer(self, known)


class MicroWorldReviewer(Reviewer):
    """Reviews from facts, through the same files as people do."""

    def __init__(self, settings: Settings, known: Known) -> None:
        self.settings, self.known = settings, known

    def review(self, folder: Path, batch: str, items: Sequence[Item]) -> dict[str, Verdict]:
        """A verdict on every item."""
        path = review.open_batch(folder, batch, items)
        said = [self._verdict(item) for item in review.items(path)]
        review.close_batch(folder, batch, said)
        every = review.verdicts(folder)
        return {item.item_id: every[item.item_id] for item in items}

    def _verdict(self, item: Item) -> Verdict:
        random = Random(f"{self.settings.seed} {item.item_id}")
        wrong = truth.wrong_fields(self.known.clips[item.video_id], item.modality, [line.text for line in item.lines])
        overlooks = random.random() < (self.settings.miss_rate if wrong else self.settings.false_alarm_rate)
        accept = bool(wrong) == overlooks
        remark = "" if accept else f"look again at the {(wrong or ['order'])[0]}"
        return Verdict(item_id=item.item_id, accept=accept, remark=remark, reviewer="micro_world")
