"""ResNet-18 over every map, and over the opening anchor at low resolution: a branch as the report counts it.

The architecture is `transformers`' ResNet with basic blocks, without its last layer. Batch normalisation is replaced by
group normalisation with as many weights: statistics of a batch would tie clips to their neighbours, let missing maps
leak into those that are there, and be lost when training resumes from weights.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, table of trainable parameters (appendix C).
    [2] He et al., Deep residual learning for image recognition, arXiv 1512.03385.
    [3] Wu and He, Group normalization, arXiv 1803.08494.
"""

from typing import ClassVar, Literal, cast

from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream, TriStream
from codecsense.adapter.pictures import scaled_to
from codecsense.adapter.resampler import Resampler
from codecsense.adapter.steps import CHANNELS, AttentionPool, Scaled, TowerSteps, laid_under, pictures_of

CHANNELS_PER_GROUP = 16  # of a group normalisation [3]


class Settings(EncoderConfig):
    """Sizes of the network ([64, 128, 256, 512] with two blocks each is ResNet-18), and what it is given."""

    gathers: ClassVar[bool] = True
    name: Literal["resnet18"]
    widths: list[int]  # of the stages; the stem has the first
    blocks: list[int]  # per stage
    map_px: int  # maps are scaled to this side before the network sees them
    picture_px: int  # and the opening anchor to this one
    heads: int  # of every attention
    mv_unit_px: float  # vectors are divided by this
    residual_unit: float  # residuals (grey levels) are divided by this

    @property
    def looks(self) -> bool:
        return True

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        if stream in CHANNELS:
            return MapSteps(stream=stream, settings=self, width=width)
        if stream == "context":
            return PictureSteps(settings=self, shapes=shapes, width=width)
        return TowerSteps(stream=stream, shapes=shapes, width=width, heads=self.heads)

    def trunk(self, *, width: int, tokens: int) -> Resampler:
        return Resampler(width=width, tokens=tokens, heads=self.heads, blocks=[])


class MapSteps(nn.Module):
    """A codec stream, map by map."""

    def __init__(self, *, stream: Stream, settings: Settings, width: int) -> None:
        super().__init__()
        self.side = settings.map_px
        self.scaled = Scaled(stream=stream, mv_unit_px=settings.mv_unit_px, residual_unit=settings.residual_unit)
        self.network = network(CHANNELS[stream], settings)
        self.project = nn.Linear(settings.widths[-1], width)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals maps width"]:
        maps = self.scaled(clips)
        seen = self.network(scaled_to(maps.flatten(0, 2), self.side)).last_hidden_state
        steps: Tensor = self.project(seen.mean((2, 3))).unflatten(0, maps.shape[:3])
        return steps


class PictureSteps(nn.Module):
    """The opening anchor: one query looks over what the network says of its places."""

    def __init__(self, *, settings: Settings, shapes: Shapes, width: int) -> None:
        super().__init__()
        self.side, self.maps = settings.picture_px, shapes.maps
        self.network = network(3, settings)
        self.project = nn.Linear(settings.widths[-1], width)
        self.pool = AttentionPool(width=width, heads=settings.heads)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch intervals maps width"]:
        seen = self.network(scaled_to(pictures_of(clips), self.side)).last_hidden_state
        pooled = self.pool(self.project(seen.flatten(2).transpose(1, 2)))
        return laid_under(pooled.unflatten(0, clips.mask.shape[:2])[:, :, None], self.maps)


def network(channels: int, settings: Settings) -> nn.Module:
    """The convolutional network, its weights drawn anew."""
    from transformers import ResNetConfig, ResNetModel

    if len(settings.widths) != len(settings.blocks):
        raise ValueError(f"{len(settings.widths)} widths of stages for {len(settings.blocks)} numbers of blocks")
    built = ResNetModel(
        ResNetConfig(
            num_channels=channels,
            embedding_size=settings.widths[0],
            hidden_sizes=settings.widths,
            depths=settings.blocks,
            layer_type="basic",
        )
    )
    return _group_normalised(cast(nn.Module, built))


def _group_normalised(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            groups = max(1, child.num_features // CHANNELS_PER_GROUP)
            setattr(module, name, nn.GroupNorm(groups, child.num_features, device=child.weight.device))
        else:
            _group_normalised(child)
    return module
