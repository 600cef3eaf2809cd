"""Behind each anchor as usual, and the most salient tokens of every interval twice (appendix O.2 of the report).

The report repeats tokens "based on predicted salience" for 12 per cent more context. Here a learned score picks them
and weighs the copies, which is how it is learned; every interval repeats as many, so that all clips cost the same.
"""

from typing import Literal

from codecsense.adapter import PlacementConfig


class Settings(PlacementConfig):
    """How many tokens of every interval stand twice."""

    name: Literal["attention_weighted"]
    repeats: int  # 8 of 64 is the report's 12 per cent

    def repeated(self) -> int:
        return self.repeats

    def spread(self, *, intervals: int, tokens: int) -> list[int]:
        if not 0 < self.repeats <= tokens:
            raise ValueError(f"of {tokens} motion tokens per interval, {self.repeats} cannot stand twice")
        return [0, *[tokens + self.repeats] * intervals, 0]
