"""Panel: neighbouring frames as the tiles of one picture, which costs as many tokens as any picture.

References:
    [1] HY-Himmel technical report, Appendix R.1 (a grid of 3 x 3 there).
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, laid_out, seen_by
from codecsense.model import CodecSense


class Settings(Rival):
    """How many tiles along a side of a panel."""

    fires: ClassVar[str] = "pictures tiled"
    name: Literal["panel"]
    side: int

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The panels, one behind the other."""
        made = panels(view.pictures, self.side)
        tally["pictures tiled"] += len(view.pictures) if self.side > 1 else 0
        return laid_out(model.host, seen_by(model.host, made))


def panels(pictures: UInt8[Tensor, "pictures height wide 3"], side: int) -> UInt8[Tensor, "panels height wide 3"]:
    """Panels of `side` x `side` pictures, read in lines, as large as one picture; the last picture fills the last."""
    height, wide = pictures.shape[1:3]
    rows, columns = (
        np.diff(np.linspace(0, height, side + 1).astype(int)),
        np.diff(np.linspace(0, wide, side + 1).astype(int)),
    )
    missing = -len(pictures) % side**2
    frames = [*pictures.numpy(), *[pictures[-1].numpy()] * missing]
    made = []
    for first in range(0, len(frames), side**2):
        lines = []
        for row, tall in enumerate(rows):
            own = frames[first + row * side : first + (row + 1) * side]
            tiles = [
                cv2.resize(frame, (int(broad), int(tall)), interpolation=cv2.INTER_AREA)
                for frame, broad in zip(own, columns, strict=True)
            ]
            lines.append(np.concatenate(tiles, axis=1))
        made.append(np.concatenate(lines, axis=0))
    return torch.from_numpy(np.stack(made))
