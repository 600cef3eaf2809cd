"""Nothing beyond what is given: a video without a transcript has no cues."""

from pathlib import Path
from typing import Literal

from codecsense.think.transcribers import Cue, Transcriber, TranscriberConfig


class Settings(TranscriberConfig):
    """There is nothing to set."""

    name: Literal["given"]

    def build(self) -> "Given":
        """The transcriber that hears nothing."""
        return Given()


class Given(Transcriber):
    """Hears nothing."""

    def hear(self, video: Path) -> list[Cue]:
        """No cues."""
        return []
