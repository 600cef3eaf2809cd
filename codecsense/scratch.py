"""Progress that survives a kill: a folder named by everything that can change the result, and atomic writes into it.

DVC empties a stage's outputs before it runs, so half-done work lives here instead. The name covers the configuration,
the code of this package and the size and time of every input file: a changed anything never resumes a stranger.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from codecsense.config import Config


def folder(root: Path, stage: str, *, settings: Sequence[Config | str | int], inputs: Sequence[Path]) -> Path:
    """The scratch folder of this stage with these settings and inputs; made if it is not there."""
    values = [section.model_dump_json() if isinstance(section, Config) else json.dumps(section) for section in settings]
    parts = [code(Path(__file__).parent), *values, *map(_stamp, inputs)]
    digest = hashlib.sha256(json.dumps(parts).encode())
    place = root / f"{stage}-{digest.hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _stamp(path: Path) -> str:
    if not path.exists():
        raise ValueError(f"{path} does not exist; run dvc repro for the stage that makes it")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return json.dumps([(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files])


@cache
def code(package: Path) -> str:
    """A name for the code of a package: its files and what they say."""
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(f"{file.relative_to(package)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def save_state(state: Mapping[str, Any], file: Path) -> None:
    """Write tensors and plain values whole or not at all."""
    partial = file.with_name(file.name + ".partial")
    torch.save(dict(state), partial)
    partial.replace(file)


def load_state(file: Path) -> dict[str, Any] | None:
    """What `save_state` wrote, or nothing; a file that cannot be read is an error that names it."""
    if not file.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(file, weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"{file} cannot be read; remove it to start afresh") from error
    return state


def finish(work: Path, output: Path) -> None:
    """Put a finished folder in its place and forget the scratch around it."""
    if output.exists():
        shutil.rmtree(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(work, output)
