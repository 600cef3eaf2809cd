"""What a killed run leaves behind in .dvc, put right before the next one; `python -m flows.mend` does that alone.

DVC's own lock goes with its process. Two things do not: the list of paths in use, which is written in place and
may be cut short, and in which a process whose number was given to another seems to live on; and dvc.lock, which
is written in place too. The pipeline mends them by itself; a plain `dvc repro` stops at what it cannot read.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

Say = Callable[[str], None]


def mend(root: Path, say: Say) -> None:
    """Free paths held by processes that are gone, and put a dvc.lock that cannot be read aside."""
    free_paths(root, say)
    set_aside_broken_lock(root, say)


def free_paths(root: Path, say: Say) -> None:
    """Take those out of DVC's list of paths in use who are no longer there to use them."""
    from dvc.lock import make_lock
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

    folder = root / ".dvc" / "tmp"
    file = folder / RWLOCK_FILE
    if not file.is_file():
        return
    with make_lock(str(folder / RWLOCK_LOCK), tmp_dir=str(folder)):
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
            kept, gone = _sorted(held)
        except (ValueError, KeyError, TypeError, AttributeError):
            say("DVC's list of paths in use was cut short by a killed run; it starts anew")
            file.unlink()
            return
        if gone:
            file.write_text(json.dumps(kept), encoding="utf-8")
            say(f"paths held by killed runs are free again ({len(gone)} processes)")


def set_aside_broken_lock(root: Path, say: Say) -> None:
    """Move a dvc.lock that is no YAML to dvc.lock.broken; what it named is found again in DVC's run cache."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    file = root / "dvc.lock"
    if not file.is_file():
        return
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(file.read_bytes()))
    except (yaml.YAMLError, Invalid, UnicodeDecodeError):
        file.replace(root / "dvc.lock.broken")
        say("dvc.lock was cut short by a killed run: it is now dvc.lock.broken, and results come from DVC's cache")


def _sorted(held: dict[str, Any]) -> tuple[dict[str, Any], set[int]]:
    """The entries of processes that live, and the numbers of those that do not."""
    gone: set[int] = set()

    def lives(info: dict[str, Any]) -> bool:
        if _is(int(info["pid"]), str(info["cmd"])):
            return True
        gone.add(int(info["pid"]))
        return False

    read = {path: [info for info in infos if lives(info)] for path, infos in held.get("read", {}).items()}
    write = {path: info for path, info in held.get("write", {}).items() if lives(info)}
    return {"read": {path: infos for path, infos in read.items() if infos}, "write": write}, gone


def _is(pid: int, command: str) -> bool:
    """Whether process `pid` is the one that DVC noted as `command`: its arguments, after the path of the program."""
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    arguments = command.split(" ")[1:]
    return bool(words) and (not arguments or " ".join(words).endswith(" ".join(arguments)))


if __name__ == "__main__":
    mend(Path(), lambda line: print(f"== {line}"))
