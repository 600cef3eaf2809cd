"""Codec maps as pictures, for towers that were made to look at pictures.

Vectors become red (to the right), green (down) and blue (how far); a residual becomes grey. What has no motion is
mid-grey in red and green and black in blue, so that a tower can tell stillness from missing.

Shapes:
    pictures  maps of all clips
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def rendered(
    maps: Float[Tensor, "pictures channels rows columns"], *, side_px: int
) -> Float[Tensor, "pictures 3 side_px side_px"]:
    """Maps in their units (1 is usual, 2 is as bright as it gets) as pictures between 0 and 1."""
    bounded = maps.clamp(-2, 2) / 2
    if maps.shape[1] == 1:
        colours = bounded.abs().expand(-1, 3, -1, -1)
    else:
        far = maps.norm(dim=1, keepdim=True).clamp(max=2) / 2
        colours = torch.cat([(bounded + 1) / 2, far], 1)
    return scaled_to(colours, side_px).clamp(0, 1)


def scaled_to(
    pictures: Float[Tensor, "pictures channels height wide"], side: int
) -> Float[Tensor, "pictures channels side side"]:
    """Pictures or maps as squares of `side`, averaged where they shrink and interpolated where they grow."""
    return functional.interpolate(pictures.float(), size=(side, side), mode="bilinear", antialias=True).to(pictures)
