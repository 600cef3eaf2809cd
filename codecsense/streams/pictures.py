"""Keeps the few pictures that are wanted in colour while all others pass by.

A wanted picture that the decoder never delivers is replaced by the next one that it does deliver, or at the
end by the last. If more than half of the video gives nothing it is unusable: counted in stretches of a few
pictures, since decoding without B pictures is no damage.
"""

import math

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import Int64, UInt8

from codecsense.codecs import Decoded, Span
from codecsense.codecs.container import UnreadableError

STRETCH = 16


class Pictures:
    """RGB copies of the pictures of given ranks, no larger than `max_pixels`."""

    def __init__(self, ranks: Int64[np.ndarray, " wanted"], *, max_pixels: int) -> None:
        self.wanted = [int(rank) for rank in np.unique(ranks)[::-1]]
        self.max_pixels = max_pixels
        self.scaler = VideoReformatter()  # one for all pictures: making its tables costs more than using them
        self.size: tuple[int, int] | None = None
        self.kept: dict[int, np.ndarray] = {}
        self.time_s: dict[int, float] = {}
        self.last: Decoded | None = None
        self.delivered = 0
        self.seen: set[int] = set()

    def offer(self, decoded: Decoded) -> None:
        """Keep the picture if its rank, or an earlier one that never came, is wanted."""
        self.last = decoded
        self.delivered += decoded.usable
        if decoded.usable:
            self.seen.add(decoded.rank // STRETCH)
        while self.wanted and self.wanted[-1] <= decoded.rank:
            self._keep(self.wanted.pop(), decoded)

    def finish(self, spans: list[Span]) -> None:
        """Fill what is missing at the end; `UnreadableError` if from most stretches of the `spans` nothing came."""
        expected = {rank // STRETCH for span in spans for rank in range(span.start, span.stop)}
        if self.last is None or len(self.seen) * 2 < len(expected):
            total = sum(span.stop - span.start for span in spans)
            raise UnreadableError(f"only {self.delivered} of {total} pictures can be decoded")
        while self.wanted:
            self._keep(self.wanted.pop(), self.last)
        self.last = None

    def stack(self, ranks: Int64[np.ndarray, "..."]) -> UInt8[np.ndarray, "... height width 3"]:
        """The kept pictures of `ranks`, in their shape."""
        assert self.size is not None
        if ranks.size == 0:
            return np.zeros((*ranks.shape, self.size[1], self.size[0], 3), np.uint8)
        flat = np.stack([self.kept[int(rank)] for rank in ranks.ravel()])
        return flat.reshape(*ranks.shape, *flat.shape[1:])

    def times(self, ranks: Int64[np.ndarray, " wanted"]) -> np.ndarray:
        """When the kept pictures of `ranks` are shown."""
        return np.array([self.time_s[int(rank)] for rank in ranks], np.float32)

    def _keep(self, rank: int, decoded: Decoded) -> None:
        picture = decoded.picture if isinstance(decoded.picture, VideoFrame) else decoded.picture.decoded()
        if self.size is None:
            self.size = fitted(picture, self.max_pixels)
        self.kept[rank] = self._colours(picture, self.size)
        self.time_s[rank] = decoded.time_s

    def _colours(self, picture: VideoFrame, size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
        scaled = self.scaler.reformat(picture, width=size[0], height=size[1], format="rgb24")
        return scaled.to_ndarray()


def fitted(picture: VideoFrame, max_pixels: int) -> tuple[int, int]:
    """Width and height of `picture`, reduced to `max_pixels` with its shape kept, both even where reduced."""
    width, height = picture.width, picture.height
    if width * height <= max_pixels:
        return width, height
    scale = math.sqrt(max_pixels / (width * height))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)
