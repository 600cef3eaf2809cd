"""What a transcriber heard, kept under the name of the video's contents: no video is heard twice.

A share hears its own videos and reads what others have heard; see `codecsense.turns`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from codecsense.think.transcribers import Cue, Transcriber, TranscriberConfig
from codecsense.turns import Share, meet


class Named(NamedTuple):
    """A video's name, and the hash of its contents."""

    video_id: str
    content_hash: str


class Kept(Transcriber):
    """A transcriber whose weights are loaded when a video is met that has not been heard."""

    def __init__(
        self, config: TranscriberConfig, folder: Path, videos: Mapping[Path, Named], share: Share | None
    ) -> None:
        self.config, self.folder, self.videos, self.share = config, folder, videos, share
        self.transcriber: Transcriber | None = None
        self.heard, self.missing = 0, 0

    def hear(self, video: Path) -> list[Cue]:
        """What the transcriber heard in `video`, now or earlier; nothing where that is another share's to do."""
        name = self.videos[video]
        told = json.dumps([self.config.model_dump(), name.content_hash])
        file = self.folder / f"{hashlib.sha256(told.encode()).hexdigest()}.json"
        if not file.is_file():
            if self.share is not None and not self.share.holds(name.video_id):
                self.missing += 1
                return []
            self._keep(file, self._hear(video))
        return [Cue(*row) for row in json.loads(file.read_text(encoding="utf-8"))]

    def meet(self) -> None:
        """Go on if a round before has heard every video; else a share ends here, with ShareDoneError."""
        meet(self.share, done=self.heard, missing=self.missing, what="videos")

    def _hear(self, video: Path) -> list[Cue]:
        self.transcriber = self.transcriber or self.config.build()
        self.heard += 1
        return self.transcriber.hear(video)

    def _keep(self, file: Path, cues: list[Cue]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{self.share or 'all'}.partial")
        partial.write_text(json.dumps(cues, ensure_ascii=False), encoding="utf-8")
        partial.replace(file)
