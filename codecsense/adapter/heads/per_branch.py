"""A head of its own for the fused state and for each stream."""

from collections.abc import Sequence
from typing import Literal

from codecsense.adapter import HeadConfig, Stream
from codecsense.adapter.motion_adapter import AlignmentHead


class Settings(HeadConfig):
    """Nothing to choose: twice the width in between."""

    name: Literal["per_branch"]

    def build(self, streams: Sequence[Stream], *, width: int, host_width: int, temperature: float) -> AlignmentHead:
        return AlignmentHead(list(streams), width=width, host_width=host_width, temperature=temperature)

    def hidden(self, width: int) -> int:
        return 2 * width
