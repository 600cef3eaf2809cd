"""CoViAR's reading of MPEG-4 part 2 [1], for comparison with its successors.

Vectors count whole pixels and are traced block by block back to the I picture of their GOP, and the residual is
taken against that I picture. So that maps keep the contract's unit, the traced displacement is divided by the
frames since the I picture: a mean velocity over the GOP so far. B pictures are not part of that scheme.

References:
    [1] Wu et al., Compressed Video Action Recognition, CVPR 2018, section 3.
"""

from collections.abc import Iterator
from typing import Any, Literal

from codecsense.codecs import BackendConfig, Decoded, Grid, Reader, Span
from codecsense.codecs.settings import DecodingConfig, ResidualConfig


class Settings(BackendConfig):
    """`accumulate: false` keeps whole-pixel vectors from picture to picture, as an ablation of the tracing."""

    name: Literal["coviar"]
    decoding: DecodingConfig
    accumulate: bool

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> "Coviar":
        """The backend for maps of one size, whatever the route."""
        return Coviar(self, grid=grid, residual=residual)


class Coviar:
    """Backend of `Settings`. I pictures have no field; they are what fields are traced to."""

    reads_keys = False

    def __init__(self, settings: Settings, *, grid: Grid, residual: ResidualConfig) -> None:
        self.settings, self.grid, self.residual = settings, grid, residual

    def decode(self, video: Any, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`, each with its vectors as side data."""
        from codecsense.codecs.decoding import decode

        return decode(video, spans, self.settings.decoding, side_data="motion")

    def reader(self, video: Any) -> Reader:
        """A fresh reader for `video`."""
        from codecsense.codecs.coviar_reader import CoviarReader

        return CoviarReader(video, grid=self.grid, residual=self.residual, accumulate=self.settings.accumulate)
