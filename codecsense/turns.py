"""Shares of a stage whose parts build on each other: each does what it can, and all are called again.

Where parts never meet (`workers`, `shares`), one round of shares does everything. Where the next prompt needs
everybody's replies, a share does its part up to there and stops; what the others have done by then is known to the
next round. Shares never wait for each other: a queue may run them one after another.
"""

import os
import zlib
from typing import NamedTuple

from codecsense.workers import ShareDoneError

CALL_AGAIN = 75  # the exit code of a share that has got further and is to be called again; EX_TEMPFAIL of sysexits.h


class CallAgainError(ShareDoneError):
    """This share has done what it could, and can do more once the others have done the same."""


class Share(NamedTuple):
    """One of several equal parts; whose an item is, its name alone decides."""

    number: int
    total: int

    def holds(self, name: str) -> bool:
        """Whether the item of this name is this share's."""
        return zlib.crc32(name.encode()) % self.total == self.number

    def __str__(self) -> str:
        return f"{self.number}of{self.total}"


def asked_for() -> Share | None:
    """The share that this process was asked for (CODECSENSE_SHARE, such as `2/16`); nothing where it does all."""
    number, _, total = os.environ.get("CODECSENSE_SHARE", "").partition("/")
    return Share(int(number), int(total)) if total else None


def meet(share: Share | None, *, done: int, missing: int, what: str, last: bool = False) -> None:
    """Go on where a round before has done everything up to here; else this share ends, with ShareDoneError.

    It is called again if it has `done` anything and this was not the `last` step. One that goes on alone because it
    started late would be waited for in the next round: so all take the same step in the same round. Rounds come to
    an end even where something cannot be had: then whoever works without shares says so.
    """
    if share is not None and (missing or (done and not last)):
        kind = CallAgainError if done and not last else ShareDoneError
        raise kind(f"share {share}: {done} {what} done, {missing} are others'")
