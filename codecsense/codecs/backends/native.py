"""The encoder's own vectors, from the file as it is: FFmpeg's export beside an ordinary decode.

Pictures are decoded (FFmpeg cannot parse vectors without), and capability is not known by the codec's name: a
picture without vectors has a field without cover, and the audit decides whether a file is worth this route.
"""

from collections.abc import Iterator
from typing import Any, Literal

from codecsense.codecs import BackendConfig, Decoded, Grid, Reader, Span
from codecsense.codecs.settings import DecodingConfig, FlowConfig, ResidualConfig


class Settings(BackendConfig):
    """Vectors of H.264, MPEG-1, MPEG-2, and the P pictures of the MPEG-4 and H.263 families."""

    name: Literal["native"]
    decoding: DecodingConfig
    fill: FlowConfig | None  # for B pictures of MPEG-4, whose vectors FFmpeg exports as zeros
    quantisers: bool  # also the quantiser of each cell, where the decoder tells it

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> "Native":
        """The backend for maps of one size, whatever the route."""
        return Native(self, grid=grid, residual=residual)


class Native:
    """Backend of `Settings`. Key frames carry no vectors. What decodes is imported when it is needed."""

    reads_keys = False

    def __init__(self, settings: Settings, *, grid: Grid, residual: ResidualConfig) -> None:
        self.settings, self.grid, self.residual = settings, grid, residual

    def decode(self, video: Any, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`, each with its vectors as side data."""
        from codecsense.codecs.decoding import decode

        wanted = "motion+qp" if self.settings.quantisers else "motion"
        return decode(video, spans, self.settings.decoding, side_data=wanted)

    def reader(self, video: Any) -> Reader:
        """A fresh reader for `video`."""
        from codecsense.codecs.native_reader import NativeReader

        chosen = self.settings
        return NativeReader(video, grid=self.grid, residual=self.residual, fill=chosen.fill, with_qp=chosen.quantisers)
