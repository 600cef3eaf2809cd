"""LLaMA-Factory's ShareGPT format [1]: a JSON file, and an entry of `dataset_info.json` that says how it is spelled.

A path here is that of the data file; its entry is the one of the `dataset_info.json` beside it that names the file.
Entries that fetch data from elsewhere or run a script are refused, as is the alpaca format, which holds no
conversation. Columns that the entry does not map (`chosen`, `rejected`, `kto_tag`) are kept under their own names.

References:
    [1] LLaMA-Factory, data/README.md.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from codecsense.corpora import Sample, files
from codecsense.corpora.paths import checked
from codecsense.corpora.spelling import Spelling, read_record, write_record

INFO = "dataset_info.json"
ELSEWHERE = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")
TAGS = {  # the defaults of [1]
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
ROLES = {
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool_response",
    "function_tag": "tool_call",
    "system_tag": "system",
}
OURS: dict[str, Any] = {  # how we spell what came from elsewhere
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "videos": "videos", "images": "images", "audios": "audios"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "observation_tag": "observation",
        "function_tag": "function_call",
        "system_tag": "system",
    },
}


def read(path: Path) -> list[Sample]:
    """The samples of a data file, spelled as its entry says."""
    _, entry = _entry_of(path)
    return files.each(files.read(path), path, partial(read_record, spelling=_spelling(entry)))


def write(samples: Sequence[Sample], path: Path) -> None:
    """Write samples, and their entry beside them.

    A file that has an entry already keeps its spelling. Other entries of `dataset_info.json` stay as they are.
    """
    info = _read_info(path.parent / INFO)
    name = next((name for name, entry in info.items() if entry.get("file_name") == path.name), path.stem)
    entry = info.get(name, OURS)
    if entry.get("file_name", path.name) != path.name:
        raise ValueError(f"{path.parent / INFO} has an entry {name!r} for another file; choose another name")
    spelling = _spelling(entry)
    files.write(files.each(samples, path, partial(write_record, spelling=spelling)), path)
    files.replace(path.parent / INFO, json.dumps(info | {name: {"file_name": path.name} | entry}, indent=2))


def _entry_of(path: Path) -> tuple[str, dict[str, Any]]:
    info = path.parent / INFO
    entries = _read_info(info)
    for name, entry in entries.items():
        file_name = entry.get("file_name")
        if file_name is not None and checked(file_name) == path.name:
            return name, entry
    raise ValueError(f"{info} has no entry whose `file_name` is {path.name!r}; LLaMA-Factory needs one")


def _read_info(info: Path) -> dict[str, dict[str, Any]]:
    if not info.is_file():
        return {}
    try:
        entries = json.loads(info.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{info} is not valid JSON: {error}") from None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError(f"{info} must hold one object per dataset")
    return entries


def _spelling(entry: Mapping[str, Any]) -> Spelling:
    elsewhere = next((key for key in ELSEWHERE if key in entry), None)
    if elsewhere is not None:
        raise ValueError(f"the entry takes its data from elsewhere (`{elsewhere}`); only files beside it are read")
    if entry.get("formatting", "alpaca") != "sharegpt":
        raise ValueError("`formatting` must be sharegpt; alpaca holds no conversation with media in its turns")
    columns, tags = entry.get("columns", {}), {**TAGS, **entry.get("tags", {})}
    fields = {kind: columns.get(f"{kind}s") for kind in ("video", "image", "audio")}
    return Spelling(
        format="llama_factory",
        turns=columns.get("messages", "conversations"),
        role=tags["role_tag"],
        text=tags["content_tag"],
        roles={tags[tag]: ours for tag, ours in ROLES.items()},
        media={kind: field for kind, field in fields.items() if field},
        lists=True,
        sample_id="id",
        system=columns.get("system") or "",
    )
