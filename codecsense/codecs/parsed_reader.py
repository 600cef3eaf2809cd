"""Fields from pictures that were read and not decoded: true distances, and the residual as it was coded."""

import numpy as np

from codecsense.codecs import Decoded, Field, Grid, Source
from codecsense.codecs.grid import RASTER_PX, Raster
from codecsense.codecs.h264.stream import Picture
from codecsense.codecs.h264.velocity import residual, velocities
from codecsense.codecs.parsed_decoding import Reading
from codecsense.codecs.settings import ResidualConfig


class ParsedReader:
    """A field per picture, as soon as it comes: every reference is known by then."""

    def __init__(self, reading: Reading, *, grid: Grid, settings: ResidualConfig) -> None:
        self.reading, self.grid = reading, grid
        self.with_residual = settings.kind != "none"
        self.raster = Raster(width=RASTER_PX, height=RASTER_PX, grid=grid)

    def feed(self, decoded: Decoded) -> list[Field]:
        """The field of this picture; of a damaged one, nothing."""
        width, height = decoded.picture.width, decoded.picture.height
        if (width, height) != (self.raster.width, self.raster.height):
            self.raster = Raster(width=width, height=height, grid=self.grid)
        if not decoded.usable:
            nothing = np.zeros((3, *self.grid), np.float32)
            return [Field(decoded.rank, decoded.time_s, Source.none, nothing, None)]
        picture: Picture = decoded.picture.motion
        motion = self.raster.pool(velocities(picture, self.reading.shown_at, self.raster))
        left = self.raster.pool(residual(picture, self.raster))[0] if self.with_residual else None
        return [Field(decoded.rank, decoded.time_s, Source.native, motion, left)]

    def finish(self) -> list[Field]:
        """Nothing is ever held back."""
        return []
