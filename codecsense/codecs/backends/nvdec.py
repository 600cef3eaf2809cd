"""Vectors that NVIDIA's decoder reports: the only way to the real vectors of HEVC without a patched decoder.

Needs PyNvVideoCodec of at least 2.1, a GPU and a driver that support decode statistics. Nothing imports it until this
backend is chosen, and an extraction that chooses it where one of them is missing ends before it begins. Pictures
still come from FFmpeg, since their types and stamps do, and the statistics are joined to them in display order.
Written from the package's documentation and not yet run on a device: the contract tests cover it wherever there
is one, and should be believed before it is.
"""

from collections.abc import Iterator
from typing import Any, Literal

from codecsense.codecs import BackendConfig, Decoded, Grid, Reader, Span
from codecsense.codecs.settings import DecodingConfig, ResidualConfig


class Settings(BackendConfig):
    """H.264 and HEVC on the GPU of this number."""

    name: Literal["nvdec"]
    decoding: DecodingConfig
    gpu: int

    def require(self) -> None:
        """ValueError if the package, a GPU or its driver is missing."""
        from codecsense.codecs.nvdec_statistics import package

        package()

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> "Nvdec":
        """The backend for maps of one size, whatever the route."""
        return Nvdec(self, grid=grid, residual=residual)


class Nvdec:
    """Backend of `Settings`. Key frames carry no vectors."""

    reads_keys = False

    def __init__(self, settings: Settings, *, grid: Grid, residual: ResidualConfig) -> None:
        self.settings, self.grid, self.residual = settings, grid, residual

    def decode(self, video: Any, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`, decoded by FFmpeg."""
        from codecsense.codecs.decoding import decode

        return decode(video, spans, self.settings.decoding)

    def reader(self, video: Any) -> Reader:
        """A fresh reader for `video`, with a session of the hardware decoder."""
        from codecsense.codecs.native_reader import NativeReader
        from codecsense.codecs.nvdec_statistics import Statistics

        statistics = Statistics(video, gpu=self.settings.gpu)
        return NativeReader(
            video, grid=self.grid, residual=self.residual, fill=None, with_qp=False, vectors=statistics.blocks
        )
