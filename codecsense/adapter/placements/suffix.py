"""All motion tokens behind the last anchor (appendix O.2 of the report)."""

from typing import Literal

from codecsense.adapter import PlacementConfig


class Settings(PlacementConfig):
    """Nothing to choose."""

    name: Literal["suffix"]

    def spread(self, *, intervals: int, tokens: int) -> list[int]:
        return [*[0] * (intervals + 1), intervals * tokens]
