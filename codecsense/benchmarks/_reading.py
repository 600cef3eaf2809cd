"""Files of other people, read without trusting them: JSON, JSON lines, parquet, tab-separated text and subtitles.

The official template of Video-MME is not valid JSON (commas before closing brackets), so such commas are forgiven.
Every message names the file, the row and the field. A path inside an annotation may not leave the folder of the media.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

STRING_OR_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*(?:"|\Z))|,(?=\s*[\]}])', re.DOTALL)
ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
Row = dict[str, Any]


def document(path: Path) -> Any:
    """What a .json, .jsonl, .parquet, .tsv or .csv file holds; all but .json are lists of rows."""
    try:
        if path.suffix == ".parquet":
            return _parquet(path)
        if path.suffix in (".tsv", ".csv"):
            return _separated(path)
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return _json(text)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to be what it should be") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        try:
            return json.loads(STRING_OR_LAST_COMMA.sub(lambda match: match[1] or "", text))
        except json.JSONDecodeError:
            return _lines(text, error)


def _lines(text: str, error: json.JSONDecodeError) -> Any:
    """JSON lines under the name .json, as Social-IQ 2.0 has them."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise error
    try:
        return [json.loads(line) for line in lines]
    except json.JSONDecodeError:
        raise error from None


def _parquet(path: Path) -> list[Row]:
    import polars as pl  # half a second, which JSON needs not pay

    try:
        frame = pl.read_parquet(path, hive_partitioning=False)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{path} is not a readable parquet file: {error}") from None
    pictures = [name for name, kind in frame.schema.items() if kind in (pl.Binary, pl.Struct)]
    return frame.drop(pictures).to_dicts()


def _separated(path: Path) -> list[Row]:
    csv.field_size_limit(1 << 28)  # some carry their picture as text
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [dict(row) for row in csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")]


def rows(found: Any, path: Path) -> Iterator[tuple[str, Row]]:
    """Each row with words for its place; ValueError where the document is no list of objects."""
    if not isinstance(found, list):
        raise ValueError(f"{path} must hold a list of rows, found {type(found).__name__}")
    for number, row in enumerate(found):
        place = f"{path}, row {number}"
        if not isinstance(row, dict):
            raise ValueError(f"{place} must be an object, found {type(row).__name__}")
        yield place, row


def table(found: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Each entry of an object, by its key; ValueError where the document is none."""
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold an object by id, found {type(found).__name__}")
    yield from found.items()


def needed(row: Mapping[str, Any], key: str, place: str) -> Any:
    """The value of a key; ValueError if there is none."""
    if key not in row:
        raise ValueError(f"{place} has no `{key}`; it has: {', '.join(map(str, row))}")
    return row[key]


def either(row: Mapping[str, Any], keys: tuple[str, ...], place: str) -> Any:
    """The value of the first of these keys that the row has."""
    for key in keys:
        if key in row:
            return row[key]
    return needed(row, keys[0], place)


def words(row: Mapping[str, Any], key: str, place: str) -> str:
    """A text; ValueError if it is anything else."""
    value = needed(row, key, place)
    if not isinstance(value, str):
        raise ValueError(f"{place}: `{key}` must be text, found {value!r:.60}")
    return value


def name(row: Mapping[str, Any], key: str, place: str) -> str:
    """An id: a text that is not empty, or a whole number, as text."""
    value = needed(row, key, place)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError(f"{place}: `{key}` must be an id, found {value!r:.60}")
    return str(value)


def number(row: Mapping[str, Any], key: str, place: str) -> float:
    """A number; ValueError if it is anything else."""
    value = needed(row, key, place)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{place}: `{key}` must be a number, found {value!r:.60}")
    return float(value)


def texts(row: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """A list of texts; numbers among them are taken as they print."""
    value = needed(row, key, place)
    if not isinstance(value, list) or not all(isinstance(item, str | int | float) for item in value):
        raise ValueError(f"{place}: `{key}` must be a list of texts, found {value!r:.60}")
    return tuple(str(item) for item in value)


def said(value: Any, place: str) -> str:
    """A reply: text, or nothing as empty text."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{place}: a reply must be text, found {value!r:.60}")
    return str(value)


def inside(value: str, place: str) -> str:
    """A relative path that stays inside its folder; ValueError for any other, and for addresses."""
    path = PurePosixPath(value)
    hostile = path.is_absolute() or ".." in path.parts or "\\" in value or "\0" in value or ADDRESS.match(value)
    if not value or hostile:
        raise ValueError(f"{place}: {value!r:.80} must be a path inside the folder of the media")
    return value


def letter_of(index: Any, options: tuple[str, ...], place: str) -> str:
    """The letter of an option's number, counted from 0."""
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(options):
        raise ValueError(f"{place}: the answer {index!r} is none of the {len(options)} options")
    return chr(ord("A") + index)


def letter_among(letter: str, options: tuple[str, ...], place: str) -> str:
    """The letter itself, if it is one of the options'."""
    if len(letter) != 1 or not 0 <= ord(letter) - ord("A") < len(options):
        raise ValueError(f"{place}: the answer {letter!r:.40} is none of the {len(options)} options' letters")
    return letter


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files and their names."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.is_dir():
        raise ValueError(f"{path} does not exist")
    files = sorted(file for file in path.rglob("*") if file.is_file())
    parts = [f"{file.relative_to(path).as_posix()} {digest(file)}" for file in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
