"""ms-swift's standard format [1]: JSONL of `messages` (role, content), `videos`, `images`, `audios`.

Whatever else a line holds (`rejected_response`, `solution`, `objects`, `tools`) is kept under its own name.

References:
    [1] ms-swift documentation, "Custom dataset".
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from codecsense.corpora import Sample, files
from codecsense.corpora.spelling import Spelling, read_record, write_record

SPELLING = Spelling(
    format="ms_swift",
    turns="messages",
    role="role",
    text="content",
    roles={
        "user": "user",
        "assistant": "assistant",
        "system": "system",
        "tool_call": "tool_call",
        "tool_response": "tool_response",
        "tool": "tool_response",
    },
    media={"video": "videos", "image": "images", "audio": "audios"},
    lists=True,
    sample_id="id",
)


def read(path: Path) -> list[Sample]:
    """The samples of a .jsonl or .json file."""
    return files.each(files.read(path), path, partial(read_record, spelling=SPELLING))


def write(samples: Sequence[Sample], path: Path) -> None:
    """Write samples as .jsonl or .json."""
    files.write(files.each(samples, path, partial(write_record, spelling=SPELLING)), path)
