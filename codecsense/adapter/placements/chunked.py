"""Chunks of equal length, spread evenly among the anchors without regard to intervals (appendix O.2 of the report).

How many chunks the report cut is not said (ASSUMED: a number that the intervals do not divide by, so that no chunk but
the outer ones starts or ends with an interval).
"""

from typing import Literal

from codecsense.adapter import PlacementConfig


class Settings(PlacementConfig):
    """How many chunks."""

    name: Literal["chunked"]
    chunks: int

    def spread(self, *, intervals: int, tokens: int) -> list[int]:
        if not 0 < self.chunks <= intervals * tokens:
            raise ValueError(f"{intervals * tokens} motion tokens cannot be cut into {self.chunks} chunks")
        anchors = intervals + 1
        counts = [0] * (anchors + 1)
        size, longer = divmod(intervals * tokens, self.chunks)
        for chunk in range(self.chunks):
            behind = int((chunk + 0.5) * anchors / self.chunks + 0.5)
            counts[behind] += size + (chunk < longer)
        return counts
