"""Each file by the route that its audit found: vectors where its decoder delivers them, estimated flow elsewhere."""

from typing import Literal

from codecsense.codecs import Backend, BackendConfig, Grid
from codecsense.codecs.backends.estimated import Settings as EstimatedSettings
from codecsense.codecs.backends.native import Settings as NativeSettings
from codecsense.codecs.settings import ResidualConfig


class Settings(BackendConfig):
    """The settings of both ways."""

    name: Literal["routed"]
    native: NativeSettings
    estimated: EstimatedSettings

    def build(self, *, grid: Grid, residual: ResidualConfig, route: str) -> Backend:
        """The backend for a file of this route."""
        chosen: BackendConfig = self.native if route == "native" else self.estimated
        return chosen.build(grid=grid, residual=residual, route=route)
