"""What the hosts of the Qwen-VL line share: M-RoPE, and a tower that reads patches two frames deep.

Positions are the host's own. Motion tokens take text positions, or (`motion_positions: grid`) those of a picture of
sqrt(K) x sqrt(K) tokens, which the host's own `get_rope_index` gives them; where a placement puts the tokens of several
intervals side by side, the picture has as many more rows.

References:
    [1] Bai et al., Qwen2.5-VL technical report, arXiv 2502.13923.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from codecsense.hosts._hub import HubHost
from codecsense.sequence import MOTION, PICTURE, Prefix


class MRopeHost(HubHost):
    """A host of the Qwen-VL line: three axes of positions."""

    @property
    def tower(self) -> nn.Module:
        visual: nn.Module = self.body.visual
        return visual

    @property
    def _vision(self) -> Any:
        return self.config.vision_config

    @property
    def block_px(self) -> int:
        side: int = self._vision.patch_size * self._vision.spatial_merge_size
        return side

    def pixels(self, pictures: UInt8[Tensor, "pictures height wide 3"]) -> dict[str, Tensor]:
        vision = self._vision
        patches, grid = patchify(self.normalised(pictures), patch_px=vision.patch_size, merge=vision.spatial_merge_size)
        return {"pixel_values": patches.to(self.device), "image_grid_thw": grid.to(self.device)}

    def encode_pictures(
        self, pictures: UInt8[Tensor, "pictures height wide 3"]
    ) -> Float[Tensor, "pictures patches seen"]:
        return torch.stack(list(self.body.get_image_features(**self.pixels(pictures)).pooler_output))

    def place(self, prefix: Prefix, *, grid: int) -> Prefix:
        types, grids = self._types(prefix, grid)
        positions, _ = self.body.get_rope_index(prefix.ids[None], types[None], image_grid_thw=grids)
        return prefix._replace(positions=positions[:, 0])

    def positions(self, positions: Int[Tensor, "axes batch length"]) -> Int[Tensor, "..."]:
        return positions

    def _types(self, prefix: Prefix, grid: int) -> tuple[Tensor, Tensor | None]:
        """Modality ids as M-RoPE wants them, and the patch grids of the pictures among them."""
        merge, laid = self._vision.spatial_merge_size, prefix.kinds == PICTURE
        sides = {PICTURE: grid}
        if self.settings.motion_positions == "grid" and (prefix.kinds == MOTION).any():
            laid |= prefix.kinds == MOTION
            sides[MOTION] = self._columns(prefix)
        grids = []
        for kind, tokens in zip(*(found.tolist() for found in _runs(prefix.kinds)), strict=True):
            if kind in sides:
                grids.append([1, tokens // sides[kind] * merge, sides[kind] * merge])
        return laid.long(), torch.tensor(grids) if grids else None

    def _columns(self, prefix: Prefix) -> int:
        """Motion tokens side by side in the picture that each run of them forms."""
        kinds, tokens = _runs(prefix.kinds)
        lengths = tokens[kinds == MOTION]
        if prefix.columns is None or (lengths % prefix.columns).any():
            shown = f"runs of {sorted(set(lengths.tolist()))} motion tokens form no pictures"
            raise ValueError(
                f"{shown}; set model.host.motion_positions to `text`, or ask for a square number of tokens"
            )
        return prefix.columns

    def modalities(
        self, prompts: Sequence[Tensor], prefixes: Sequence[Prefix], *, grid: int, length: int
    ) -> dict[str, Tensor | None]:
        types = torch.zeros(len(prompts), length, dtype=torch.long)
        grids = []
        for row, (start, prompt) in enumerate(zip(prefixes, prompts, strict=True)):
            kinds, picture_grids = self._types(start, grid)
            end = length - len(prompt)
            types[row, end - len(kinds) : end] = kinds
            grids += [] if picture_grids is None else [picture_grids]
        known = torch.cat(grids).to(self.device) if grids else None
        return {"mm_token_type_ids": types.to(self.device), "image_grid_thw": known}


def _runs(kinds: Int[Tensor, " length"]) -> tuple[Int[Tensor, " runs"], Int[Tensor, " runs"]]:
    """Neighbours of one kind: the kind, and how many they are."""
    values, counts = torch.unique_consecutive(kinds, return_counts=True)
    return values, counts


def patchify(
    pictures: Float[Tensor, "pictures height wide 3"], *, patch_px: int, merge: int
) -> tuple[Float[Tensor, "rows numbers"], Int[Tensor, "pictures 3"]]:
    """Patches in the order the vision tower wants (merge blocks first), and each picture's patch grid.

    A still picture is repeated once in time, since the tower's patches are two frames deep [1].
    """
    count, height, wide, _ = pictures.shape
    block = patch_px * merge
    if height % block or wide % block:
        raise ValueError(f"a picture of {wide}x{height} does not divide into blocks of {block} pixels")
    rows, columns = height // block, wide // block
    cut = pictures.reshape(count, rows, merge, patch_px, columns, merge, patch_px, 3)
    ordered = cut.permute(0, 1, 4, 2, 5, 7, 3, 6)[:, :, :, :, :, :, None].expand(-1, -1, -1, -1, -1, -1, 2, -1, -1)
    grid = torch.tensor([[1, rows * merge, columns * merge]]).expand(count, 3)
    return ordered.reshape(count * rows * columns * merge**2, -1), grid
