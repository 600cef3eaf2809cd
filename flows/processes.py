"""How processes end here: with the one that started them, as a group, and never two at the same work.

A killed process cannot tidy up. So nothing relies on that: locks are held by the kernel for as long as their
process lives, and a child learns from the kernel that its parent is gone (on Linux; elsewhere it lives on, and
who comes next waits for its lock).
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)
TOLD_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_with_parent() -> None:
    """Have this process told to end when the one that started it is gone, even if that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def begin_as_child() -> None:
    """Before a child's program begins: it ends with this process, and hears Ctrl-C even if this process must not."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_as_interrupted() -> None:
    """Have SIGTERM end this process as Ctrl-C does, with KeyboardInterrupt."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def heard(numbers: Iterable[signal.Signals], hear: Callable[[int], None]) -> Iterator[None]:
    """Have `hear` told of these signals while the work inside goes on; what was to be ignored stays ignored."""

    def handle(number: int, _frame: FrameType | None) -> None:
        hear(number)

    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a process that leads a group and to all in it, if any of them is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def ended_how(code: int) -> str:
    """An exit code in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


@contextmanager
def alone(file: Path, busy: Callable[[str], None]) -> Iterator[None]:
    """Hold `file` while the work inside goes on; if another process does, `busy` hears who, and then it is waited for.

    `busy` may raise instead.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            busy(held.read())
            fcntl.flock(held, fcntl.LOCK_EX)
        held.truncate(0)
        held.write(f"process {os.getpid()}")
        held.flush()
        yield
