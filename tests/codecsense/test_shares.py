"""Work in pieces: the same whoever does them, and none done twice."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from codecsense.shares import in_pieces
from codecsense.workers import ShareDoneError


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def pieces(made: list[str]) -> dict[str, Callable[[], pl.DataFrame]]:
    def make(name: str) -> pl.DataFrame:
        made.append(name)
        return pl.DataFrame({"name": [name], "share": [len(name) / 3]})

    return {name: partial(make, name) for name in ("one", "two", "three", "four", "five")}


def test_shares_do_every_piece_once_and_whoever_puts_them_together_does_none(
    pieces: dict[str, Callable[[], pl.DataFrame]], made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    at_once = {name: piece() for name, piece in pieces.items()}
    made.clear()
    for share in ("1/2", "0/2"):
        monkeypatch.setenv("CODECSENSE_SHARE", share)
        with pytest.raises(ShareDoneError, match=f"share {share}: [23] of 5 pieces"):
            in_pieces(pieces, tmp_path, label="test")
    assert made == ["two", "four", "one", "three", "five"]
    monkeypatch.delenv("CODECSENSE_SHARE")
    together = in_pieces(pieces, tmp_path, label="test")
    assert len(made) == 5
    assert list(together) == list(at_once)
    assert all(together[name].equals(at_once[name]) for name in at_once)


def test_a_killed_run_makes_only_the_pieces_that_it_had_not_made(
    pieces: dict[str, Callable[[], pl.DataFrame]], made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def die() -> pl.DataFrame:
        raise KeyboardInterrupt

    monkeypatch.delenv("CODECSENSE_SHARE", raising=False)
    with pytest.raises(KeyboardInterrupt):
        in_pieces({**pieces, "three": die}, tmp_path, label="test")
    assert list(in_pieces(pieces, tmp_path, label="test")) == list(pieces)
    assert made == ["one", "two", "three", "four", "five"]
