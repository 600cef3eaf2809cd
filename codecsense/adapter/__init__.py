"""What the motion adapter is: codec maps of an interval in, K tokens in the host's space out.

One branch per stream (an encoder of `encoders/`), staged fusion (`fusions/`): vectors and residuals describe one
event at two granularities and are weighed against each other first, then the result against appearance [1, eq. 2-4].
Branch encoders see maps only; appearance comes as the frozen tower's tokens of the opening anchor.

Shapes:
    batch  clips    intervals  stretches between anchors    maps   codec maps per interval
    rows, columns  grid of a map    tokens  K, motion tokens per interval    width  the adapter's hidden size

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section 3.2.
"""

from typing import Literal, NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor, nn

from codecsense.config import Annotated, Config, SerializeAsAny, pick

Stream = Literal["mv", "residual", "context", "frames"]


class TriStream(NamedTuple):
    """What the codec says of a batch of clips, and what the frozen tower says of their anchors and frames."""

    mv: Float[Tensor, "batch intervals maps 2 rows columns"]
    residual: Float[Tensor, "batch intervals maps 1 rows columns"]
    mask: Bool[Tensor, "batch intervals maps"]
    context: Float[Tensor, "batch intervals patches host_width"]
    frames: Float[Tensor, "batch intervals inner patches host_width"]


class Shapes(NamedTuple):
    """Sizes that follow from the data and the host, not from parameters."""

    intervals: int
    maps: int
    rows: int
    patches: int
    inner: int
    host_width: int


class EncoderConfig(Config):
    """Which family encodes a stream."""

    name: str

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int) -> nn.Module:
        """A module from a `TriStream` to the stream's description of every token."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")


class FusionConfig(Config):
    """How two descriptions of one interval become one."""

    name: str

    def build(self, *, width: int) -> nn.Module:
        """A module of (first, second) -> fused, all [..., width]."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")


class AdapterConfig(Config):
    """The motion adapter: which streams, how each is encoded, how they are fused, how many tokens come out."""

    streams: list[Stream]
    encoder: Annotated[SerializeAsAny[EncoderConfig], pick("codecsense.adapter.encoders")]
    fusion: Annotated[SerializeAsAny[FusionConfig], pick("codecsense.adapter.fusions")]
    tokens: int
    width: int
    motion_scale: float  # at the start, of the fused description in a token
    context_skip: float  # at the start, of the opening anchor's tokens beside it; 0 leaves them out for good
