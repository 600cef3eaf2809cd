"""Paths that strangers wrote: relative and downward, or refused."""

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from codecsense.codecs.container import UnreadableError
from codecsense.codecs.corpus import inside

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # also a drive letter of Windows


def checked(path: object) -> str:
    """`path` as it is written; ValueError with the reason if it could lead out of the data root, or nowhere."""
    if not isinstance(path, str):
        raise ValueError(f"a path must be text, found {type(path).__name__}")
    why = _hostile(path)
    if why:
        raise ValueError(f"the path {path[:200]!r} {why}; media must lie below the data root")
    return path


def expect(paths: Collection[str], root: Path) -> None:
    """ValueError that names the media which are not files below `root`."""
    missing = []
    for path in sorted(paths):
        try:
            inside(root, path)
        except UnreadableError as error:
            missing.append(f"{path} {error}")
    if missing:
        shown = "; ".join(missing[:5])
        raise ValueError(f"{len(missing)} of {len(paths)} media are not below {root}: {shown}")


def _hostile(path: str) -> str:
    if not path.strip() or path.strip() == ".":
        return "names no file"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return "holds a control character"
    if SCHEME.match(path.strip()):
        return "is a URL or begins with a drive"
    if "\\" in path:
        return "holds a backslash, which some systems take for a separator"
    if path.strip().startswith(("/", "~")):
        return "is absolute"
    if ".." in PurePosixPath(path).parts or any(part.strip() == ".." for part in path.split("/")):
        return "climbs out with `..`"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    return ""
