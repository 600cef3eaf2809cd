"""Clones of the last commit beside the results: same cache, other values, and nothing here changes.

What does not depend on the other values is not made again, since a clone shares this repository's cache.
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def clone(place: Path, commit: str) -> Path:
    """A clone of `commit` at `place` with this repository's cache; one that is already there is used again."""
    if not (place / "params.yaml").is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        git("clone", "--quiet", "--no-checkout", str(ROOT), str(place))
        cache = f"[cache]\n    dir = {ROOT / '.dvc' / 'cache'}\n"
        git("-C", str(place), "checkout", "--quiet", commit)
        (place / ".dvc" / "config.local").write_text(cache, encoding="utf-8")
    return place


def last_commit() -> str:
    """The short name of the commit that is checked out."""
    return git("rev-parse", "--short", "HEAD")


def git(*arguments: str) -> str:
    """What git prints in this repository."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
