"""Processes that outlive what they read: a decoder that crashes or hangs on one file costs that file alone.

Work comes in units (a shard, a batch of files) of many items. A worker says which item it is at; if it dies
or stays silent for too long, the item is blamed, and the unit starts again elsewhere without it. Spawned,
never forked: polars and FFmpeg hold threads that do not survive a fork.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Unit = TypeVar("Unit")
Result = TypeVar("Result")

At = Callable[[str], None]
Blamed = dict[str, str]
Work = Callable[[Unit, Blamed, At], Result]

MAX_STARTS_WITHOUT_ITEM = 3
POLL_S = 1.0
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES, LARGEST_KEPT_BYTES = 256 << 20, 32 << 20


class ShareDoneError(Exception):
    """This process was asked for a share of the units alone, and they are done."""


def available() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def settle() -> None:
    """Make this process ready for many videos: what is loaded is not searched for garbage again, freed memory is kept.

    A decoder asks for some megabytes per picture and gives them back. By default glibc returns such blocks to the
    system, and every picture pays for fresh pages: 120 page faults each at 1080p, a twentieth of a pass over vectors.
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def run_units(
    units: Sequence[Unit], work: Work[Unit, Result], *, num_workers: int, limit_s: float
) -> Iterator[tuple[Unit, Result]]:
    """Yield units with their results as they finish; `limit_s` is how long one item may take.

    Where CODECSENSE_SHARE is `2/16`, only the third of sixteen shares is done, and ShareDoneError says so: other
    machines do the others, and what puts them together runs when all are there. What a unit says of itself
    decides whose it is, so that no two shares meet, whichever units are left to do.
    """
    share = os.environ.get("CODECSENSE_SHARE")
    mine = [unit for unit in units if _within(unit, share)] if share else list(units)
    team = _Team(mine, work, limit_s)
    try:
        yield from team.run(min(num_workers, len(mine)))
    finally:
        team.stop()
    if share:
        raise ShareDoneError(f"share {share}: {len(mine)} of {len(units)} units")


def _within(unit: object, share: str) -> bool:
    place, _, number = share.partition("/")
    return zlib.crc32(repr(unit).encode()) % int(number) == int(place)


@dataclass
class _Task(Generic[Unit]):
    unit: Unit
    blamed: Blamed = field(default_factory=dict)
    barren_starts: int = 0


@dataclass
class _Worker(Generic[Unit]):
    process: Any
    pipe: Connection
    task: _Task[Unit] | None = None
    item: str | None = None
    since: float = 0.0
    ended: bool = False


class _Team(Generic[Unit, Result]):
    def __init__(self, units: list[Unit], work: Work[Unit, Result], limit_s: float) -> None:
        self.work, self.limit_s = work, limit_s
        self.queue = [_Task(unit) for unit in reversed(units)]
        self.workers: list[_Worker[Unit]] = []

    def run(self, num_workers: int) -> Iterator[tuple[Unit, Result]]:
        self.workers = [self._start() for _ in range(num_workers)]
        while any(worker.task for worker in self.workers):
            ready = set(wait([worker.pipe for worker in self.workers if worker.task], timeout=POLL_S))
            for place, worker in enumerate(self.workers):
                if worker.pipe in ready:
                    result = self._hear(worker)
                    if result is not None:
                        yield result
                        continue
                if worker.ended:
                    worker.process.join()
                    self.workers[place] = self._replace(worker, _end_of(worker.process))
                elif worker.task and worker.item and time.monotonic() - worker.since > self.limit_s:
                    worker.process.kill()
                    self.workers[place] = self._replace(worker, f"took longer than {self.limit_s:g} s")

    def stop(self) -> None:
        for worker in self.workers:
            worker.pipe.close()
            worker.process.kill()
            worker.process.join()

    def _start(self) -> _Worker[Unit]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.work), daemon=True)
        process.start()
        theirs.close()
        worker: _Worker[Unit] = _Worker(process, ours)
        self._give(worker)
        return worker

    def _give(self, worker: _Worker[Unit]) -> None:
        worker.task = self.queue.pop() if self.queue else None
        worker.item, worker.since = None, time.monotonic()
        if worker.task:
            worker.pipe.send((worker.task.unit, worker.task.blamed))

    def _hear(self, worker: _Worker[Unit]) -> tuple[Unit, Result] | None:
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, ConnectionError):
            worker.ended = True
            return None
        if kind == "at":
            worker.item, worker.since = content, time.monotonic()
            return None
        if kind == "error":
            raise RuntimeError(f"a worker failed:\n{content}")
        assert worker.task is not None
        unit = worker.task.unit
        self._give(worker)
        return unit, content

    def _replace(self, worker: _Worker[Unit], why: str) -> _Worker[Unit]:
        worker.process.join()
        worker.pipe.close()
        task = worker.task
        assert task is not None
        if worker.item is None:
            task.barren_starts += 1
            if task.barren_starts >= MAX_STARTS_WITHOUT_ITEM:
                raise RuntimeError(f"workers end before they begin: {why}")
        else:
            task.blamed[worker.item] = f"the decoder {why}"
        self.queue.append(task)
        return self._start()


def _end_of(process: Any) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended the process (exit code {code})"


def _serve(pipe: Connection, work: Work[Unit, Result]) -> None:
    """A worker's life: get ready, then work until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle()
    while True:
        try:
            unit, blamed = pipe.recv()
            result = work(unit, blamed, lambda item: pipe.send(("at", item)))
            pipe.send(("done", result))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception:  # of any kind: the parent raises it, with this traceback
            pipe.send(("error", traceback.format_exc()))
            return
