"""The contract of a transcriber: what is said in a video, and when.

What is given is used first, by every transcriber: a transcript column, then a subtitle file beside the video
(`name.srt`, `name.en.vtt`). Only what is left is transcribed. One file of this folder per way to do that.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from codecsense.config import Config


class Cue(NamedTuple):
    """A stretch of speech, or of whatever the transcript tells of."""

    start_s: float
    end_s: float
    text: str


class Transcriber(ABC):
    """Turns sound into cues."""

    @abstractmethod
    def hear(self, video: Path) -> list[Cue]:
        """What is said in `video`; nothing where it has no sound."""


class TranscriberConfig(Config):
    """What every transcriber is described by."""

    name: str

    def build(self) -> Transcriber:
        """The transcriber, its weights loaded."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")


def transcribe(video: Path, transcriber: Transcriber, *, column: Sequence[Cue] | None = None) -> list[Cue]:
    """The cues of `video`, from the first source that has any: the column, a subtitle file, the transcriber."""
    from codecsense.think.subtitles import beside, read

    if column is not None:
        return list(column)
    given = beside(video)
    return read(given) if given is not None else transcriber.hear(video)
