"""All motion tokens before the first anchor (appendix O.2 of the report)."""

from typing import Literal

from codecsense.adapter import PlacementConfig


class Settings(PlacementConfig):
    """Nothing to choose."""

    name: Literal["prefix"]

    def spread(self, *, intervals: int, tokens: int) -> list[int]:
        return [intervals * tokens, *[0] * (intervals + 1)]
