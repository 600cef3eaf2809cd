"""Batches for a person, as files: what there is to look at, and what was said of it.

A batch is `NAME.items.jsonl`, one `Item` a line; its verdicts are `NAME.verdicts.jsonl`, one `Verdict` a line, by any
program or by hand. An item is named by what it says, so a verdict holds as long as its item is unchanged, and
work that is made again asks people only about what is new. A later verdict on an item replaces an earlier one.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codecsense.think.prompts import Line

ITEMS, VERDICTS = ".items.jsonl", ".verdicts.jsonl"


class Record(BaseModel):
    """A line of a file; a misspelt field in a file written by hand is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Kind = TypeVar("Kind", bound=Record)


class Item(Record):
    """A summary, and what it takes to check it."""

    item_id: str = Field(min_length=1)
    video_id: str
    video: str  # path within the corpus
    modality: str
    lines: tuple[Line, ...]
    transcript: str
    judge_reason: str


class Verdict(Record):
    """What a person says of an item. Who rejects says why: it is the remark that makes the next attempt better."""

    item_id: str = Field(min_length=1)
    accept: bool
    remark: str = Field(default="", max_length=500)
    reviewer: str = Field(min_length=1)

    @model_validator(mode="after")
    def _a_rejection_says_why(self) -> "Verdict":
        if not self.accept and not self.remark.strip():
            raise ValueError(f"the rejection of {self.item_id} needs a remark that says what is wrong")
        return self


def open_batch(folder: Path, name: str, items: Sequence[Item]) -> Path:
    """Write a batch for people to look at; its file."""
    path = folder / f"{name}{ITEMS}"
    _write(path, items)
    return path


def close_batch(folder: Path, name: str, verdicts: Sequence[Verdict]) -> Path:
    """Write, or replace, the verdicts on a batch; its file."""
    path = folder / f"{name}{VERDICTS}"
    _write(path, verdicts)
    return path


def items(path: Path) -> list[Item]:
    """The items of a batch's file."""
    return _read(path, Item)


def verdicts(folder: Path) -> dict[str, Verdict]:
    """Every verdict in `folder`, by its item; of several on one item, the one in the last file."""
    return {each.item_id: each for path in sorted(folder.glob(f"*{VERDICTS}")) for each in _read(path, Verdict)}


def waiting(folder: Path) -> dict[Path, list[Item]]:
    """The batches that still have items without a verdict, and these items."""
    said = verdicts(folder)
    left = {path: [item for item in items(path) if item.item_id not in said] for path in batches(folder)}
    return {path: missing for path, missing in left.items() if missing}


def batches(folder: Path) -> list[Path]:
    """The batches in `folder`, in their order."""
    return sorted(folder.glob(f"*{ITEMS}"))


def forget_batches(folder: Path) -> None:
    """Take away the batches of an earlier run; verdicts stay, for a person's work is never thrown away."""
    for path in batches(folder):
        path.unlink()


def _write(path: Path, records: Iterable[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text("".join(f"{record.model_dump_json()}\n" for record in records), encoding="utf-8")
    unfinished.replace(path)


def _read(path: Path, kind: type[Kind]) -> list[Kind]:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(kind.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            raise ValueError(f"{path}, line {number}: {place}: {first['msg']}") from None
    return found
