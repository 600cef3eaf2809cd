"""Flow estimated from the pictures, where the codec gives nothing: HEVC, VP8, VP9, AV1, VP6 and their like."""

from collections.abc import Iterator
from typing import Any, Literal

from codecsense.codecs import BackendConfig, Decoded, Grid, Reader, Span
from codecsense.codecs.settings import DecodingConfig, FlowConfig, ResidualConfig


class Settings(BackendConfig):
    """Works on everything that decodes."""

    name: Literal["estimated"]
    decoding: DecodingConfig
    flow: FlowConfig

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> "Estimated":
        """The backend for maps of one size, whatever the route."""
        return Estimated(self, grid=grid, residual=residual)


class Estimated:
    """Backend of `Settings`. A key frame has motion like any other picture."""

    reads_keys = True

    def __init__(self, settings: Settings, *, grid: Grid, residual: ResidualConfig) -> None:
        self.settings, self.grid, self.residual = settings, grid, residual

    def decode(self, video: Any, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`."""
        from codecsense.codecs.decoding import decode

        return decode(video, spans, self.settings.decoding)

    def reader(self, video: Any) -> Reader:
        """A fresh reader for `video`."""
        from codecsense.codecs.estimated_reader import EstimatedReader

        return EstimatedReader(video, self.settings.flow, grid=self.grid, residual=self.residual)
