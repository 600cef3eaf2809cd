"""What the motion adapter is: codec maps of an interval in, K tokens in the host's space out.

One branch per stream (an encoder of `encoders/`), staged fusion (`fusions/`): vectors and residuals describe one
event at two granularities and are weighed against each other first, then the result against appearance [1, eq. 2-4].
A branch describes steps: the K tokens themselves, or the maps in the order of time, of which the family's trunk makes
K tokens. Where tokens stand in the sequence is a placement of `placements/`.

Shapes:
    batch  clips    intervals  stretches between anchors    maps   codec maps per interval
    rows, columns  grid of a map    steps  what a branch describes: K tokens, or maps
    tokens  K, motion tokens per interval    width  the adapter's hidden size

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section 3.2.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, NamedTuple

from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from codecsense.config import Annotated, Config, SerializeAsAny, pick

Stream = Literal["mv", "residual", "context", "frames"]

# What the host's frozen tower says of pictures: [pictures height wide 3] bytes in, [pictures patches host_width] out.
Eye = Callable[[Tensor], Tensor]


class TriStream(NamedTuple):
    """What the codec says of a batch of clips, and what the frozen tower says of their anchors and frames.

    `pictures` are the opening anchors themselves, for families that look with eyes of their own.
    """

    mv: Float[Tensor, "batch intervals maps 2 rows columns"]
    residual: Float[Tensor, "batch intervals maps 1 rows columns"]
    mask: Bool[Tensor, "batch intervals maps"]
    context: Float[Tensor, "batch intervals patches host_width"]
    frames: Float[Tensor, "batch intervals inner patches host_width"]
    pictures: UInt8[Tensor, "batch intervals height wide 3"] | None = None


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

    gathers: ClassVar[bool] = False  # its branches describe maps in the order of time, its trunk makes tokens of them
    name: str

    @property
    def looks(self) -> bool:
        """Whether it looks at the opening anchors with eyes of its own, and so needs their pixels."""
        return False

    def build(self, *, stream: Stream, shapes: Shapes, width: int, tokens: int, eye: Eye | None) -> nn.Module:
        """The branch of a stream: from a `TriStream` to [batch intervals steps width]."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")

    def trunk(self, *, width: int, tokens: int) -> nn.Module:
        """From fused steps and which of them are there to [batch intervals tokens width]."""
        raise TypeError(f"{type(self).__name__} does not say how its steps become tokens")


class FusionConfig(Config):
    """How descriptions of one interval become one: two at a time, or all at once."""

    name: str
    together: ClassVar[bool] = False  # all streams in one module, not staged pairs

    def build(self, *, width: int, operands: int) -> nn.Module:
        """A module of `operands` descriptions -> fused, all [..., width]."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")


class PlacementConfig(Config):
    """Where motion tokens stand among the pictures."""

    name: str

    def repeated(self) -> int:
        """Tokens of every interval that stand in the sequence twice, those with the highest predicted salience."""
        return 0

    def spread(self, *, intervals: int, tokens: int) -> list[int]:
        """Motion tokens, in the order of time, before the first anchor and behind each: `intervals` + 2 numbers."""
        raise TypeError(f"{type(self).__name__} does not say where motion tokens stand")


class Described(NamedTuple):
    """The fused description of every token, and each stream's own: of every token, or the same for all of them."""

    fused: Float[Tensor, "batch intervals tokens width"]
    branches: dict[str, Float[Tensor, "batch intervals tokens width"]]


class Head(nn.Module, ABC):
    """From the adapter's space into the frozen tower's, for Stage 1: the fused state and each stream's own [1, 3.3]."""

    log_inverse_temperature: nn.Parameter

    @abstractmethod
    def fused(self) -> list[nn.Module]:
        """The layers that the fused state passes: normalisation, matrix, activation, matrix."""

    @abstractmethod
    def forward(self, described: Described) -> dict[str, Float[Tensor, "batch intervals tokens host_width"]]:
        """Every state, `fused` among them, as the tower would say it."""


class HeadConfig(Config):
    """The head that Stage 1 aligns through."""

    name: str

    def build(self, streams: Sequence[Stream], *, width: int, host_width: int, temperature: float) -> Head:
        """The head; `temperature` is where the learned one starts."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")

    def hidden(self, width: int) -> int:
        """The size between its two matrices."""
        raise TypeError(f"{type(self).__name__} does not say how wide it is")


class AdapterConfig(Config):
    """The motion adapter: which streams, how each is encoded, how they are fused, how many tokens come out."""

    streams: list[Stream]
    encoder: Annotated[SerializeAsAny[EncoderConfig], pick("codecsense.adapter.encoders")]
    fusion: Annotated[SerializeAsAny[FusionConfig], pick("codecsense.adapter.fusions")]
    tokens: int
    width: int
    motion_scale: float  # at the start, of the fused description in a token
    context_skip: float  # at the start, of the opening anchor's tokens beside it; 0 leaves them out for good
    placement: Annotated[SerializeAsAny[PlacementConfig], pick("codecsense.adapter.placements")]
    head: Annotated[SerializeAsAny[HeadConfig], pick("codecsense.adapter.heads")]
    projector: Literal["linear", "aligned"]  # "aligned" has the head's layers and starts where Stage 1 left them

    @property
    def looks(self) -> bool:
        """Whether clips must come with the pixels of their opening anchors."""
        return "context" in self.streams and self.encoder.looks
