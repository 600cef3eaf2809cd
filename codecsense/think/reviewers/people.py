"""People: a batch is written for them, and work stops until all of it has a verdict."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from codecsense.think import review
from codecsense.think.review import Item, Verdict
from codecsense.think.reviewers import Reviewer, ReviewerConfig, WaitingError
from codecsense.think.teachers import Known


class Settings(ReviewerConfig):
    """There is nothing to set: people decide."""

    name: Literal["people"]

    def build(self, known: Known) -> "People":
        """The reviewer."""
        return People()


class People(Reviewer):
    """Reads what people wrote."""

    def review(self, folder: Path, batch: str, items: Sequence[Item]) -> dict[str, Verdict]:
        """The verdicts that people gave."""
        path = review.open_batch(folder, batch, items)
        said = review.verdicts(folder)
        left = sum(item.item_id not in said for item in items)
        if left:
            remedy = "give them (all replies so far are kept), then run `dvc repro think`"
            raise WaitingError(f"{path}: {left} of {len(items)} items have no verdict yet; {remedy}")
        return {item.item_id: said[item.item_id] for item in items}
