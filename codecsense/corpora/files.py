"""Lists of records as JSON and JSONL: read with the file and row in every error, written whole or not at all."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
Record = dict[str, Any]


def read(path: Path) -> list[Record]:
    """The records of a .json file that holds a list, or of a .jsonl file with one record a line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".jsonl":
            return [_record(json.loads(line), path, row) for row, line in enumerate(_lines(text))]
        records = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(records, list):
        raise ValueError(f"{path} must hold a list of records, found {type(records).__name__}")
    return [_record(record, path, row) for row, record in enumerate(records)]


def write(records: Iterable[Record], path: Path) -> None:
    """Write records as .json or .jsonl, as the suffix says."""
    if path.suffix.lower() == ".jsonl":
        text = "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)
    else:
        text = json.dumps(list(records), ensure_ascii=False, indent=1)
    replace(path, text)


def replace(path: Path, text: str) -> None:
    """Put a text in the place of a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def each(things: Iterable[Any], path: Path, turn: Callable[[Any], Result]) -> list[Result]:
    """`turn` of every thing; its ValueErrors say where they come from."""
    results = []
    for row, thing in enumerate(things):
        try:
            results.append(turn(thing))
        except ValueError as error:
            raise ValueError(f"{path}, row {row}: {error}") from None
    return results


def _lines(text: str) -> Iterator[str]:
    """Lines end at line feeds only: JSON texts may hold the other separators that `splitlines` would split at."""
    yield from (line for line in text.split("\n") if line.strip())


def _record(value: object, path: Path, row: int) -> Record:
    if not isinstance(value, dict):
        raise ValueError(f"{path}, row {row}: a record must be an object, found {type(value).__name__}")
    return value
