"""Everything that decides what is in a shard, as section `extract` of params.yaml holds it.

Apart from the contract of this folder, so that whoever only reads shards does not depend on how they were made.
"""

from typing import Literal

from codecsense.codecs import BackendConfig
from codecsense.codecs.settings import ResidualConfig
from codecsense.config import Annotated, Config, SerializeAsAny, pick


class AnchorConfig(Config):
    """Anchors: evenly spaced (`exact`), at the nearest key frames (`key`), or where the codec sees a new `scene`."""

    policy: Literal["exact", "key", "scene"]
    count: int


class WindowConfig(Config):
    """For long videos: only some stretches of each interval are read, each from a key frame on; 0 reads everything."""

    per_interval: int
    length_s: float


class GridConfig(Config):
    """Size of every map."""

    rows: int
    columns: int


class SoundConfig(Config):
    """The stretch of sound that is kept, from the start of the file."""

    num_mels: int
    window_s: float


class ExtractConfig(Config):
    """Everything that decides what is in a shard."""

    codec: Annotated[SerializeAsAny[BackendConfig], pick("codecsense.codecs.backends")]
    residual: ResidualConfig
    grid: GridConfig
    anchors: AnchorConfig
    windows: WindowConfig
    frames_per_interval: int
    maps_per_interval: int
    max_picture_pixels: int
    sound: SoundConfig
    videos_per_shard: int
    limit_s_per_video: float
