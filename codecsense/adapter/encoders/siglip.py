"""SigLIP-ViT-B over maps drawn as pictures, and over the opening anchor.

A tower made for pictures, of the report's ablation. Whether it trains is not said there; `frozen` decides (ASSUMED true
for the hub's weights at full size).

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section I.4.
    [2] Zhai et al., Sigmoid loss for language image pre-training, arXiv 2303.15343.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream, TriStream
from codecsense.adapter.pictures import rendered, scaled_to
from codecsense.adapter.resampler import Resampler
from codecsense.adapter.steps import CHANNELS, Scaled, TowerSteps, laid_under, pictures_of
from codecsense.config import Config

if TYPE_CHECKING:
    from transformers import SiglipVisionModel


class TinySize(Config):
    """The sizes of a random twin; only used where `weights` is `tiny`."""

    width: int
    layers: int
    heads: int
    picture_px: int
    patch_px: int


class Settings(EncoderConfig):
    """Which weights, whether they train, and the units that maps are drawn in."""

    gathers: ClassVar[bool] = True
    name: Literal["siglip"]
    weights: str  # "tiny", a hub id such as google/siglip-base-patch16-224, or a local folder
    tiny: TinySize
    frozen: bool
    heads: int  # of every attention behind the tower
    mv_unit_px: float
    residual_unit: float

    @property
    def looks(self) -> bool:
        return True

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        if stream == "frames":
            return TowerSteps(stream=stream, shapes=shapes, width=width, heads=self.heads)
        return SiglipSteps(stream=stream, settings=self, shapes=shapes, width=width)

    def trunk(self, *, width: int, tokens: int) -> Resampler:
        return Resampler(width=width, tokens=tokens, heads=self.heads, blocks=[])


class SiglipSteps(nn.Module):
    """A codec stream map by map, or the opening anchor under all maps."""

    def __init__(self, *, stream: Stream, settings: Settings, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.stream, self.maps = stream, shapes.maps
        if stream in CHANNELS:
            units = {"mv_unit_px": settings.mv_unit_px, "residual_unit": settings.residual_unit}
            self.scaled = Scaled(stream=stream, **units)
        self.tower = _tower(settings)
        if settings.frozen:
            self.tower.requires_grad_(False)
        self.side = int(self.tower.config.image_size)  # type: ignore[arg-type]  # an int in every published SigLIP
        self.project = nn.Linear(self.tower.config.hidden_size, width)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals maps width"]:
        if self.stream == "context":
            seen = self._seen(scaled_to(pictures_of(clips), self.side))
            return laid_under(seen.unflatten(0, clips.mask.shape[:2])[:, :, None], self.maps)
        maps = self.scaled(clips)
        pictures = rendered(maps.flatten(0, 2), side_px=self.side) * 2 - 1
        return self._seen(pictures).unflatten(0, maps.shape[:3])

    def _seen(self, pictures: Float[Tensor, "pictures 3 side side"]) -> Float[Tensor, "pictures width"]:
        described: Tensor = self.project(self.tower(pixel_values=pictures).pooler_output)
        return described


def _tower(settings: Settings) -> "SiglipVisionModel":
    from transformers import SiglipVisionConfig, SiglipVisionModel

    if settings.weights != "tiny":
        return SiglipVisionModel.from_pretrained(settings.weights, attn_implementation="sdpa")
    size = settings.tiny
    return SiglipVisionModel(
        SiglipVisionConfig(
            hidden_size=size.width,
            intermediate_size=4 * size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            image_size=size.picture_px,
            patch_size=size.patch_px,
        )
    )
