"""Streams of a corpus as training reads them: by video, by interval, or one array of many videos at once."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from codecsense.schemas import streams as table
from codecsense.streams import VideoStreams
from codecsense.streams.shards import ShardReader

INDEX = "index.parquet"
REJECTS = "rejects.parquet"
PER_INTERVAL = ("frames", "mv", "cover", "residual", "map_mask", "map_source", "map_time_s", "qp", "packet_size")


class StreamStore:
    """The shards of one folder. Arrays are views of mapped files: read-only, and as good as free until touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: pl.DataFrame = table.read(folder / INDEX)
        columns = self.index.select(table.Streams.video_id, table.Streams.shard)
        self._shard_of: dict[str, str] = dict(columns.iter_rows())
        self._reader = lru_cache(maxsize=None)(self._open)

    def __len__(self) -> int:
        return self.index.height

    def read(self, video_id: str) -> dict[str, np.ndarray]:
        """All arrays of one video, by the names of `VideoStreams`."""
        return {name: self.get(name, video_id) for name in VideoStreams._fields}

    def interval(self, video_id: str, number: int) -> dict[str, np.ndarray]:
        """The arrays of one interval, and `anchors`: its opening and its closing one."""
        found = {name: self.get(name, video_id)[number] for name in PER_INTERVAL}
        return found | {"anchors": self.get("anchors", video_id)[number : number + 2]}

    def stack(self, name: str, video_ids: list[str]) -> np.ndarray:
        """One array of many videos of equal shape, copied side by side."""
        arrays = [self.get(name, video_id) for video_id in video_ids]
        shapes = {array.shape for array in arrays}
        if len(shapes) != 1:
            raise ValueError(f"{self.folder}: `{name}` has shapes {sorted(shapes)}; only equal ones can be stacked")
        return np.stack(arrays)

    def get(self, name: str, video_id: str) -> np.ndarray:
        """One array of one video."""
        shard = self._shard_of.get(video_id)
        if shard is None:
            raise ValueError(f"{self.folder} holds no video `{video_id}`; see {REJECTS} for why a video was left out")
        return self._reader(shard).get(video_id, name)

    def _open(self, shard: str) -> ShardReader:
        return ShardReader(self.folder / shard)
