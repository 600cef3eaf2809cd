"""Settings of the codec side that are not one backend's own.

They stand apart from the code that uses them, since every stage reads all of params.yaml, and should not load
a decoder and a compiler for it.
"""

from typing import Literal

from codecsense.config import Config


class ResidualConfig(Config):
    """How the residual is made; `none` leaves the maps empty and saves about a third of the time."""

    kind: Literal["compensated", "naive", "none"]
    luma_divisor: int  # each side of the luma picture is divided by this ...
    min_samples_per_cell: int  # ... but a grid cell keeps this many samples along its shorter side


class DecodingConfig(Config):
    """Which pictures are decoded and how exactly. Without the loop filter vectors are equal, pixels drift slightly."""

    pictures: Literal["all", "references"]
    loop_filter: bool


class FlowConfig(Config):
    """Optical flow. Slower presets and wider luma lower the error by a quarter and cost several times as much."""

    preset: Literal["ultrafast", "fast", "medium"]
    width_px: int  # of the luma that flow is estimated on


class AuditConfig(Config):
    """How closely files are looked at, and how much damage a corpus may have."""

    probed_pictures: int
    min_vector_share: float
    max_unreadable_share: float
    files_per_batch: int
    limit_s_per_file: float
