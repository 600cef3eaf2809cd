"""The part of the NVDEC backend that needs no device: what its statistics mean."""

import numpy as np

from codecsense.codecs import Grid
from codecsense.codecs.grid import Raster
from codecsense.codecs.nvdec_statistics import blocks_of
from codecsense.codecs.vectors import Distances, velocities

INTRA, INTER, SKIPPED = 0, 1, 2


def test_macroblocks_lie_row_by_row_and_intra_ones_say_nothing():
    told = {
        "cu_type": [INTER, INTRA, SKIPPED, INTER],
        "mv0_x": [-16, 99, 0, -8],
        "mv0_y": [0, 99, 0, 4],
        "mv1_x": [0, 0, 0, 16],
        "mv1_y": [0, 0, 0, 0],
    }
    raster = Raster(width=32, height=32, grid=Grid(2, 2))
    planes = raster.pool(velocities(blocks_of(told, 32), Distances(-1.0, 1.0), raster).planes)
    np.testing.assert_allclose(planes[0], [[4.0, 0.0], [0.0, 3.0]])
    np.testing.assert_allclose(planes[1], [[0.0, 0.0], [0.0, -0.5]])
    np.testing.assert_allclose(planes[2], [[1.0, 0.0], [1.0, 1.0]])
