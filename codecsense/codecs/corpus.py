"""Which files a corpus consists of: a folder with all below it, or a manifest that names files beside it.

What lies in a corpus was put there by strangers: a link or a manifest entry that leads out of the root is listed
and rejected, never followed. Only files that plainly accompany videos (subtitles, tables, pictures) are left out.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from codecsense.codecs.container import UnreadableError

COMPANIONS = {
    *(".json", ".jsonl", ".txt", ".csv", ".tsv", ".parquet", ".md", ".srt", ".vtt", ".ass", ".yaml", ".yml", ".dvc"),
    *(".jpg", ".jpeg", ".png", ".webp", ".html", ".pdf", ".py", ".zip", ".tar", ".gz"),
}
MANIFESTS = {".json", ".jsonl", ".txt", ".csv", ".tsv"}
COLUMNS = ("video", "path", "file", "video_path")


class Entry(NamedTuple):
    """One candidate file: its name in all tables, and its path within the corpus."""

    video_id: str
    path: str


class Corpus(NamedTuple):
    """A root that nothing may leave, and the candidates below it, sorted by path."""

    root: Path
    entries: list[Entry]
    num_companions: int


def list_corpus(corpus: Path) -> Corpus:
    """The files of a folder, or those that a manifest (json, jsonl, txt, csv, tsv) names relative to its own folder."""
    if corpus.is_dir():
        found = sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*") if _is_candidate(path, corpus))
        videos = [path for path in found if PurePosixPath(path).suffix.lower() not in COMPANIONS]
        listed = Corpus(corpus, _named(videos), len(found) - len(videos))
    elif corpus.is_file() and corpus.suffix.lower() in MANIFESTS:
        listed = Corpus(corpus.parent, _named(sorted(set(_manifest(corpus)))), 0)
    else:
        raise ValueError(f"the corpus {corpus} is neither a folder nor a manifest ({', '.join(sorted(MANIFESTS))})")
    if not listed.entries:
        raise ValueError(
            f"the corpus {corpus} is empty: no file below it could be a video; check `corpora` in params.yaml"
        )
    return listed


def inside(root: Path, path: str) -> Path:
    """`path` below `root`; `UnreadableError` where it leads out of it or its name cannot be written down."""
    try:
        path.encode()
        place = root / path
        resolved = place.resolve(strict=True)
    except UnicodeEncodeError:
        raise UnreadableError("the file name is not valid UTF-8") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise UnreadableError(f"cannot be reached: {type(error).__name__}") from None
    if PurePosixPath(path).is_absolute() or not resolved.is_relative_to(root.resolve()):
        raise UnreadableError("leads out of the corpus")
    return resolved


def written(path: str) -> str:
    """`path` as tables may hold it: relative and valid UTF-8, whatever a manifest said."""
    text = path.encode("utf-8", "backslashreplace").decode()
    return "/".join(part for part in PurePosixPath(text).parts if part not in ("/", "..")) or "unnamed"


def _is_candidate(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and (path.is_file() or path.is_symlink()) and not path.is_dir()


def _named(paths: Iterable[str]) -> list[Entry]:
    """Names are paths without suffix; where two files would share one, they keep their suffixes."""
    paths = list(paths)
    shared = Counter(PurePosixPath(written(path)).with_suffix("").as_posix() for path in paths)
    entries = []
    for path in paths:
        short = PurePosixPath(written(path)).with_suffix("").as_posix()
        entries.append(Entry(short if shared[short] == 1 else written(path), path))
    taken = Counter(entry.video_id for entry in entries)
    twice = next((name for name, count in taken.items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"two files of the corpus are called {twice!r}; rename one of them")
    return entries


def _manifest(path: Path) -> list[str]:
    """The file names in a manifest; LLaVA-style lists of conversations name the same video many times."""
    text = path.read_text(encoding="utf-8")
    suffix = path.suffix.lower()
    try:
        if suffix == ".json":
            return _of_records(json.loads(text), path)
        if suffix == ".jsonl":
            return _of_records([json.loads(line) for line in text.splitlines() if line.strip()], path)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    if suffix == ".txt":
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _of_records(list(csv.DictReader(text.splitlines(), delimiter="\t" if suffix == ".tsv" else ",")), path)


def _of_records(records: object, path: Path) -> list[str]:
    if not isinstance(records, list):
        raise ValueError(f"{path} must hold a list, found {type(records).__name__}")
    found = []
    for row, record in enumerate(records):
        name = record if isinstance(record, str) else _first(record)
        if name is None:
            raise ValueError(f"{path}, row {row}: needs one of the fields {', '.join(COLUMNS)} with a file name")
        found.append(name)
    return found


def _first(record: object) -> str | None:
    values = [record.get(column) for column in COLUMNS] if isinstance(record, dict) else []
    return next((value for value in values if isinstance(value, str) and value), None)
