"""The contract of a reviewer: verdicts on a batch, or the news that people have not finished it.

One file of this folder per kind of reviewer. Each works in a folder of its own name, so that what a program
said of an item is never taken for what a person said.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from codecsense.config import Config
from codecsense.think.review import Item, Verdict
from codecsense.think.teachers import Known


class WaitingError(ValueError):
    """People have to look at a batch before work can go on."""


class Reviewer(ABC):
    """Whoever looks at batches."""

    @abstractmethod
    def review(self, folder: Path, batch: str, items: Sequence[Item]) -> dict[str, Verdict]:
        """A verdict on every item, by its name; WaitingError where people have not given them yet."""


class ReviewerConfig(Config):
    """What every kind of reviewer is described by."""

    name: str

    def build(self, known: Known) -> Reviewer:
        """The reviewer; `known` is read by the embedded one only."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")
