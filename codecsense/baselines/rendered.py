"""Codec maps as pictures: some of the pictures that a host is shown are replaced by rendered vectors and residuals.

The report's probe of five conditions, each of eight pictures [1]: `IIIIIIII` (A), `IMIMIMIM` (B), `IMMMIRRR` (C),
`MMMMMMMM` (D) and `RRRRRRRR` (E), where I is a decoded picture, M a map of vectors, R one of residuals. Any host can be
asked, since all that changes is what its tower looks at. Direction is the hue and length the brightness of a vector;
a residual is grey.

References:
    [1] HY-Himmel technical report, Appendix S.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor

from codecsense.adapter import TriStream
from codecsense.baselines import Rival, Shown, Tally, View, evenly, laid_out, seen_by
from codecsense.model import CodecSense


class Settings(Rival):
    """Which pictures are shown, and what is as bright as can be."""

    fires: ClassVar[str] = "pictures shown"
    name: Literal["rendered"]
    pattern: Annotated[str, Field(pattern="^[IMR]+$")]
    brightest_px: float  # length of a vector
    brightest_residual: float

    @property
    def title(self) -> str:
        return f"{self.name} {self.pattern}"

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """Pictures and maps in the order of the pattern, each kind evenly over the clip."""
        size = (view.pictures.shape[2], view.pictures.shape[1])
        drawn = {
            "I": view.pictures,
            "M": vectors(view.clip.tri, self.brightest_px, size),
            "R": residuals(view.clip.tri, self.brightest_residual, size),
        }
        shown = [drawn[kind][at] for kind, at in schedule(self.pattern, {key: len(own) for key, own in drawn.items()})]
        tally["pictures shown"] += len(shown)
        tally["pictures replaced"] += len(self.pattern) - self.pattern.count("I")
        return laid_out(model.host, seen_by(model.host, torch.stack(shown)))


def schedule(pattern: str, available: dict[str, int]) -> list[tuple[str, int]]:
    """Which picture of its kind stands at each place: as many as the pattern has of a kind, evenly over time."""
    chosen = {
        kind: iter(evenly(count, pattern.count(kind))) for kind, count in available.items() if pattern.count(kind)
    }
    return [(kind, next(chosen[kind])) for kind in pattern]


def vectors(tri: TriStream, brightest_px: float, size: tuple[int, int]) -> UInt8[Tensor, "maps height wide 3"]:
    """Every map of vectors of a clip as a picture of `size` (width, height)."""
    return _pictures([wheel(field, brightest_px) for field in tri.mv[0].flatten(0, 1).numpy()], size)


def residuals(tri: TriStream, brightest: float, size: tuple[int, int]) -> UInt8[Tensor, "maps height wide 3"]:
    """Every map of residuals of a clip as a grey picture of `size` (width, height)."""
    bright = (tri.residual[0].flatten(0, 1)[:, 0].abs() / brightest).clamp(0, 1) * 255
    return _pictures([np.repeat(map_[..., None], 3, axis=-1) for map_ in bright.to(torch.uint8).numpy()], size)


def wheel(field: Float[np.ndarray, "2 rows columns"], brightest_px: float) -> UInt8[np.ndarray, "rows columns 3"]:
    """Vectors on the wheel of colours: right is red, up is a yellow green, no motion is black."""
    across, down = field.astype(np.float32)
    hue = np.degrees(np.arctan2(-down, across)) % 360 / 2
    value = np.clip(np.hypot(across, down) / brightest_px, 0, 1) * 255
    colours = np.stack([hue, np.full_like(hue, 255), value], axis=-1).astype(np.uint8)
    return cv2.cvtColor(colours, cv2.COLOR_HSV2RGB)


def _pictures(maps: list[np.ndarray], size: tuple[int, int]) -> UInt8[Tensor, "maps height wide 3"]:
    grown = [cv2.resize(map_, size, interpolation=cv2.INTER_NEAREST) for map_ in maps]
    return torch.from_numpy(np.stack(grown))
