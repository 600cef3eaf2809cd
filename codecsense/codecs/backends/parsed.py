"""H.264 read to its entropy coding and no further: true references, the residual as coded, and no predicted pixel.

Files that this reader leaves out (another codec, interlaced, other chroma or depth) go the way of `routed`; the audit
says which and why. Residual maps hold the root mean square of the coded residual, which is not what `native` has there.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from codecsense.codecs import Backend, BackendConfig, Decoded, Grid, Reader, Span
from codecsense.codecs.backends.estimated import Settings as EstimatedSettings
from codecsense.codecs.backends.native import Settings as NativeSettings
from codecsense.codecs.settings import ResidualConfig

if TYPE_CHECKING:
    from codecsense.codecs.parsed_decoding import Reading


class Settings(BackendConfig):
    """The settings of the ways that other files go."""

    name: Literal["parsed"]
    native: NativeSettings
    estimated: EstimatedSettings

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> Backend:
        """The backend for a file of this route."""
        if route != "native":
            return self.estimated.build(grid=grid, residual=residual, route=route)
        return ParsedOrNative(self, grid=grid, residual=residual, route=route)


class ParsedOrNative:
    """Backend of `Settings` for files with vectors. Key frames carry none."""

    reads_keys = False

    def __init__(self, settings: Settings, *, grid: Grid, residual: ResidualConfig, route: str) -> None:
        self.other = settings.native.build(grid=grid, residual=residual, route=route)
        self.grid, self.residual = grid, residual
        self.video: Any = None
        self.reading: Reading | None = None

    def decode(self, video: Any, spans: list[Span]) -> Iterator[Decoded]:
        """The pictures of `spans`, read or decoded."""
        reading = self._reading(video)
        return self.other.decode(video, spans) if reading is None else reading.decode(spans)

    def reader(self, video: Any) -> Reader:
        """A fresh reader for `video`."""
        from codecsense.codecs.parsed_reader import ParsedReader

        reading = self._reading(video)
        if reading is None:
            return self.other.reader(video)
        return ParsedReader(reading, grid=self.grid, settings=self.residual)

    def _reading(self, video: Any) -> "Reading | None":
        """The one pass over `video`; None if its motion is to be had by decoding."""
        from codecsense.codecs.parsed_decoding import Reading, refused

        if video is not self.video:
            with_energy = self.residual.kind != "none"
            self.video, self.reading = video, None if refused(video) else Reading(video, with_energy=with_energy)
        return self.reading
