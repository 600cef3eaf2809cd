"""LLaVA-Video-178K [1]: a JSON list of `id`, `conversations` (from, value), `video` and `data_source`.

The original calls the video `<image>` in its texts; later data in this layout says `<video>`. Both are read.

References:
    [1] Zhang et al., Video instruction tuning with synthetic data, arXiv 2410.02713.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from codecsense.corpora import Sample, files
from codecsense.corpora.spelling import Spelling, read_record, write_record

SPELLING = Spelling(
    format="llava_video",
    turns="conversations",
    role="from",
    text="value",
    roles={
        "human": "user",
        "gpt": "assistant",
        "system": "system",
        "function_call": "tool_call",
        "observation": "tool_response",
    },
    media={"video": "video", "image": "image", "audio": "audio"},
    lists=False,
    sample_id="id",
    image_for_video=True,
)


def read(path: Path) -> list[Sample]:
    """The samples of a .json or .jsonl file."""
    return files.each(files.read(path), path, partial(read_record, spelling=SPELLING))


def write(samples: Sequence[Sample], path: Path) -> None:
    """Write samples as .json or .jsonl."""
    files.write(files.each(samples, path, partial(write_record, spelling=SPELLING)), path)
