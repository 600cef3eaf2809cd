"""Every interval's tokens behind the anchor that opens it: the report's default (appendix O.2)."""

from typing import Literal

from codecsense.adapter import PlacementConfig


class Settings(PlacementConfig):
    """Nothing to choose."""

    name: Literal["per_anchor"]

    def spread(self, *, intervals: int, tokens: int) -> list[int]:
        return [0, *[tokens] * intervals, 0]
