"""Many videos in one file: how a shard is written and read.

A shard is a safetensors file, which anything can read. It is written video by video, so that memory stays
flat, and read by mapping it, which the library itself does not offer for numpy.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from codecsense.streams import VideoStreams

DTYPES = {"bool": "BOOL", "uint8": "U8", "float16": "F16", "float32": "F32"}
NUMPY = {code: np.dtype(name) for name, code in DTYPES.items()}
ALIGNMENT = 8
PADDING = "padding"
MOST_PER_ENTRY = 192  # bytes of header: longest name, type, shape and offsets of one array


class ShardWriter:
    """Appends videos to a shard behind room kept for the header; the shard has its name only after `finish`.

    Room is what the longest possible header of these videos needs: the format allows blanks at its end, and so
    nothing is written twice.
    """

    def __init__(self, path: Path, video_ids: list[str]) -> None:
        self.path = path
        self.unfinished = path.with_name(f".{path.name}.unfinished")
        arrays = len(VideoStreams._fields) + 1
        room = sum(arrays * (len(json.dumps(video_id)) + MOST_PER_ENTRY) for video_id in video_ids) + 2
        self.room = room + -room % ALIGNMENT
        self.header: dict[str, dict[str, Any]] = {}
        self.stream = self.unfinished.open("wb")
        self.stream.seek(8 + self.room)
        self.written = 0

    def add(self, video_id: str, streams: VideoStreams) -> None:
        """Append the arrays of one video, the widest numbers first, from a multiple of 8 bytes on: all are aligned."""
        for name, array in sorted(streams._asdict().items(), key=lambda named: -named[1].itemsize):
            self._append(f"{video_id}/{name}", array)
        missing = -self.written % ALIGNMENT
        if missing:
            self._append(f"{video_id}/{PADDING}", np.zeros(missing, np.uint8))

    def finish(self) -> None:
        """Write the header and give the file its name."""
        text = json.dumps(self.header, separators=(",", ":")).encode()
        assert len(text) <= self.room, f"{len(text)} bytes of header in room for {self.room}"
        self.stream.seek(0)
        self.stream.write(self.room.to_bytes(8, "little") + text.ljust(self.room))
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        self.unfinished.replace(self.path)

    def _append(self, key: str, array: np.ndarray) -> None:
        data = np.ascontiguousarray(array).data
        place = [self.written, self.written + data.nbytes]
        self.stream.write(data)
        self.written = place[1]
        self.header[key] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": place}


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
