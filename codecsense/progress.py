"""Progress of long work: a moving bar in a terminal, now and then a plain line anywhere else.

A log file or a pipe must stay readable, so without a terminal a line is written at most every few
seconds, and work that ends sooner writes none at all. Work within work shows nothing of its own.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 5.0
_shown: list[str] = []  # what is on the screen now: one thing at most


def track(iterable: Iterable[Item], *, label: str, total: int | None = None, done: int = 0) -> Iterator[Item]:
    """Yield the items of `iterable` and show how far it is; `done` items were finished by an earlier, killed run.

    `total` counts all the work, the earlier part included; left out, it is `done` and the length of
    `iterable`, where it has one.
    """
    if total is None and isinstance(iterable, Sized):
        total = done + len(iterable)
    if _shown:
        yield from iterable
        return
    _shown.append(label)
    try:
        yield from (_bar if sys.stdout.isatty() else _lines)(iterable, label=label, total=total, done=done)
    finally:
        _shown.remove(label)


def _bar(iterable: Iterable[Item], *, label: str, total: int | None, done: int) -> Iterator[Item]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task(label, total=total, completed=done)
        for item in iterable:
            yield item
            progress.advance(task)


def _lines(iterable: Iterable[Item], *, label: str, total: int | None, done: int) -> Iterator[Item]:
    started = spoken = time.monotonic()
    finished = done
    for item in iterable:
        yield item
        finished += 1
        now = time.monotonic()
        if now - spoken >= SECONDS_BETWEEN_LINES:
            spoken = now
            print(_line(label, finished=finished, total=total, done=done, elapsed_s=now - started), flush=True)
    if spoken > started:
        print(
            _line(label, finished=finished, total=finished, done=done, elapsed_s=time.monotonic() - started), flush=True
        )


def _line(label: str, *, finished: int, total: int | None, done: int, elapsed_s: float) -> str:
    if total is None:
        return f"{label}: {finished}, {elapsed_s:.0f} s"
    left_s = elapsed_s / max(finished - done, 1) * (total - finished)
    rest = f", about {left_s:.0f} s left" if finished < total else ""
    return f"{label}: {finished}/{total}, {elapsed_s:.0f} s{rest}"
