"""A share's own store, purse and reviews; and how what it bought comes back to everybody's store.

Shares meet in the store of replies, which one process at a time may hold: each takes up what stopped shares have
left, copies what is known, lets go of it, and works in a folder of its own. One that was killed leaves that folder
to whoever comes next.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codecsense.think.asking import Desk, Limits
from codecsense.think.review import VERDICTS
from codecsense.think.store import PATIENCE_S, HeldError, ReplyStore
from codecsense.think.teachers import Cost
from codecsense.turns import Share

PARTS = "shares"
TURN_S = 600.0  # others copy the store first


@contextmanager
def desk(replies: Path, limits: Limits, share: Share | None) -> Iterator[Desk]:
    """Where to ask: in everybody's store, or, for a share, in a part of it with a part of what is left to spend.

    HeldError where another process has the store, or a share still adds to its part of it.
    """
    with ReplyStore(replies, patience_s=PATIENCE_S if share is None else TURN_S) as store:
        for folder in sorted((replies / PARTS).glob("[0-9]*")):
            try:
                store.take_up(folder)
            except HeldError:
                if share is None or folder.name == str(share):
                    raise
                continue  # at work beside us
            shutil.rmtree(folder)
        if share is None:
            yield Desk(store, limits)
            return
        part, purse = store.part(replies / PARTS / str(share)), divided(limits, store.spent, share.total)
    with part:
        yield Desk(part, purse, share)


def divided(limits: Limits, spent: Cost, total: int) -> Limits:
    """The limits of one of `total` shares: what is spent, and an equal part of what is left."""
    money = spent.money + max(0.0, limits.money - spent.money) / total
    tokens = spent.tokens + max(0, limits.tokens - spent.tokens) // total
    return limits.model_copy(update={"money": money, "tokens": tokens})


def reviews(folder: Path, replies: Path, share: Share | None) -> Path:
    """Where batches are laid out: `folder`, or, for a share, a copy of its verdicts that nobody else reads."""
    if share is None:
        return folder
    own = replies / PARTS / str(share) / "reviews"
    own.mkdir()
    for file in folder.glob(f"*{VERDICTS}"):
        shutil.copy(file, own)
    return own
