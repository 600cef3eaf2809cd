"""MotionSSM: a tokeniser describes every map, Mamba-2 blocks read them in the order of time, K queries read those.

The report's default. Its table counts ResNet-18 branches beside a "MotionSSM backbone" [1], so the tokeniser is one of
the other families that describe maps, and the backbone stands behind the fusion.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, sections 3.2 and I.4, table of trainable parameters (appendix C).
    [2] Dao and Gu, Transformers are SSMs, arXiv 2405.21060.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import SerializeAsAny
from torch import nn

from codecsense.adapter import EncoderConfig, Eye, Shapes, Stream
from codecsense.adapter.mamba2 import Mamba2Block, Mamba2Size
from codecsense.adapter.resampler import Resampler
from codecsense.config import pick


class Settings(EncoderConfig):
    """The tokeniser, and the sizes of the backbone."""

    gathers: ClassVar[bool] = True
    name: Literal["motion_ssm"]
    tokeniser: Annotated[SerializeAsAny[EncoderConfig], pick("codecsense.adapter.encoders")]
    layers: int
    ssm: Mamba2Size
    heads: int  # of the queries' attention

    @property
    def looks(self) -> bool:
        return self.tokeniser.looks

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        if not self.tokeniser.gathers or self.tokeniser.name == self.name:
            raise ValueError(
                f"`{self.tokeniser.name}` cannot be the tokeniser: it does not describe maps in the order of time"
            )
        return self.tokeniser.build(stream=stream, shapes=shapes, width=width, tokens=tokens, eye=eye)

    def trunk(self, *, width: int, tokens: int) -> Resampler:
        blocks = [Mamba2Block(width=width, size=self.ssm) for _ in range(self.layers)]
        return Resampler(width=width, tokens=tokens, heads=self.heads, blocks=blocks)
