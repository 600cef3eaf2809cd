"""The micro world: short clips with known facts, rendered and encoded by the code itself from a seed.

Two sprites act on a textured ground; between two anchors (the file's key frames) each does one thing, and all
but `go` leave it exactly as it was, so the anchors cannot tell what happened: only codec side data or the frames
between can. A pitch per interval makes the sound name an interval.

Words used in this package:
    interval  the frames from one anchor to the next; called "part" in questions
    cell      one of the 4 x 4 squares of the picture; sprites rest near the centres of cells
    action    what one sprite does in one interval
"""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from codecsense.config import Config

NUM_INTERVALS = 3
GRID = 4  # cells per side


class Split(Config):
    """How many clips a split has, and the seed of its first; the next clip has the next seed."""

    clips: PositiveInt
    first_seed: int = Field(ge=0)

    @property
    def seeds(self) -> range:
        """One seed per clip."""
        return range(self.first_seed, self.first_seed + self.clips)


class WorldConfig(Config):
    """Section `world`: the clips of each split, their format, and how restless the ground is."""

    splits: dict[Literal["train", "validation", "test"], Split]
    size_px: PositiveInt
    fps: PositiveInt
    gop_frames: PositiveInt  # frames from one anchor to the next
    crf: int = Field(ge=0, le=51)
    sample_rate_hz: PositiveInt
    audio_bit_rate: PositiveInt
    pan_share: float = Field(ge=0, le=1)  # of the intervals in which the ground moves
    go_share: float = Field(ge=0, le=1)  # of the actions that change the cell
    workers: PositiveInt

    @model_validator(mode="after")
    def _splits_share_no_clip(self) -> "WorldConfig":
        seeds = [seed for split in self.splits.values() for seed in split.seeds]
        if len(set(seeds)) < len(seeds):
            raise ValueError("world.splits share seeds and so clips; move `first_seed` of one of them")
        if self.size_px % (2 * GRID):
            raise ValueError(f"world.size_px {self.size_px} does not divide into {GRID} cells of an even width")
        return self

    @property
    def num_frames(self) -> int:
        """Frames per clip: every interval's, and the closing anchor."""
        return NUM_INTERVALS * self.gop_frames + 1

    @property
    def cell_px(self) -> int:
        """Width of a cell."""
        return self.size_px // GRID
