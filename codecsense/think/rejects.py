"""What came to nothing, with the step at which it ended and why."""

from typing import NamedTuple


class Rejected(NamedTuple):
    """One item without a result."""

    item: str
    video_id: str
    step: str
    kind: str
    reason: str
