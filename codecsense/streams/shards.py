"""Many videos in one file: how a shard is written and read.

A shard is a safetensors file, which anything can read. It is written video by video, so that memory stays
flat, and read by mapping it, which the library itself does not offer for numpy.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from codecsense.streams import VideoStreams

DTYPES = {"bool": "BOOL", "uint8": "U8", "float16": "F16", "float32": "F32"}
NUMPY = {code: np.dtype(name) for name, code in DTYPES.items()}
ALIGNMENT = 8
PADDING = "padding"


class ShardWriter:
    """Appends videos to a shard; nothing carries the shard's name before `finish`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.body = path.with_name(f".{path.name}.body")
        self.header: dict[str, dict[str, Any]] = {}
        self.stream = self.body.open("wb")

    def add(self, video_id: str, streams: VideoStreams) -> None:
        """Append the arrays of one video, each starting at a multiple of 8 bytes."""
        for name, array in streams._asdict().items():
            self._append(f"{video_id}/{name}", array)
        self._pad(video_id)

    def finish(self) -> None:
        """Put header and body together and give them their name."""
        self.stream.close()
        text = json.dumps(self.header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % ALIGNMENT)
        unfinished = self.path.with_name(f".{self.path.name}.unfinished")
        with unfinished.open("wb") as whole, self.body.open("rb") as body:
            whole.write(len(text).to_bytes(8, "little") + text)
            shutil.copyfileobj(body, whole, 1 << 20)
            whole.flush()
            os.fsync(whole.fileno())
        self.body.unlink()
        unfinished.replace(self.path)

    def _append(self, key: str, array: np.ndarray) -> None:
        start = self.stream.tell()
        self.stream.write(np.ascontiguousarray(array).tobytes())
        place = [start, self.stream.tell()]
        self.header[key] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": place}

    def _pad(self, video_id: str) -> None:
        missing = -self.stream.tell() % ALIGNMENT
        if missing:
            self._append(f"{video_id}/{PADDING}", np.zeros(missing, np.uint8))


class ShardReader:
    """The arrays of one shard, mapped into memory: reading an interval touches the pages of that interval."""

    def __init__(self, path: Path) -> None:
        self.bytes = np.memmap(path, np.uint8, mode="r")
        length = int.from_bytes(self.bytes[:8].tobytes(), "little")
        if length > len(self.bytes) - 8:
            raise ValueError(f"{path} is damaged: its header should be {length} bytes; run `dvc repro extract -f`")
        self.entries: dict[str, dict[str, Any]] = json.loads(self.bytes[8 : 8 + length].tobytes())
        self.start = 8 + length

    def get(self, video_id: str, name: str) -> np.ndarray:
        """One array of one video, a read-only view of the file."""
        entry = self.entries[f"{video_id}/{name}"]
        first, last = entry["data_offsets"]
        kind = NUMPY[entry["dtype"]]
        flat: np.ndarray = self.bytes[self.start + first : self.start + last].view(kind)
        return flat.reshape(entry["shape"])
