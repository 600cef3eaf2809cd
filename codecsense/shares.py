"""A stage's work in pieces, each kept as soon as it is done: a killed run goes on, and machines take a share each.

Pieces are cut in one way wherever they are done, so no result depends on where that was.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from codecsense.progress import track
from codecsense.workers import ShareDoneError


def in_pieces(pieces: Mapping[str, Callable[[], pl.DataFrame]], kept: Path, *, label: str) -> dict[str, pl.DataFrame]:
    """The table that each piece gives, by its name; one that is in the folder `kept` is read, not made again.

    Where CODECSENSE_SHARE is `2/16`, every sixteenth piece from the third on is made, and ShareDoneError says so:
    whoever puts them together runs when all are there.
    """
    share = os.environ.get("CODECSENSE_SHARE")
    names = list(pieces)
    mine = names[_first(share) :: _number(share)] if share else names
    left = [name for name in mine if not _file(kept, name).is_file()]
    for name in track(left, label=label, total=len(mine), done=len(mine) - len(left)):
        partial = _file(kept, name).with_suffix(".partial")
        pieces[name]().write_parquet(partial)
        partial.replace(_file(kept, name))
    if share:
        raise ShareDoneError(f"share {share}: {len(mine)} of {len(names)} pieces")
    return {name: pl.read_parquet(_file(kept, name)) for name in names}


def _first(share: str) -> int:
    return int(share.partition("/")[0])


def _number(share: str) -> int:
    return int(share.partition("/")[2])


def _file(kept: Path, name: str) -> Path:
    return kept / f"{name}.parquet"
