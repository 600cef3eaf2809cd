import numpy as np
import pytest

from codecsense.codecs import Grid
from codecsense.codecs.grid import Raster
from codecsense.codecs.known_clips import texture
from codecsense.codecs.residual import Compensator, area_mean, luma_divisor, reduced_luma
from codecsense.codecs.settings import ResidualConfig

GRID = Grid(4, 4)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A picture, and the same one 4 px further right."""
    grey = texture(width=80, height=64, seed=3)[:64, :84, 1]
    return np.ascontiguousarray(grey[:, 4:]), np.ascontiguousarray(grey[:, :80])


def compensator(rows: int, columns: int) -> Compensator:
    return Compensator(rows=rows, columns=columns, raster=Raster(width=columns, height=rows, grid=GRID))


def shift(x: float, y: float) -> np.ndarray:
    return np.broadcast_to(np.array([x, y], np.float32)[:, None, None], (2, 8, 10)).copy()


def test_the_right_motion_leaves_nothing_but_the_uncovered_edge(pair: tuple[np.ndarray, np.ndarray]):
    before, now = pair
    residual = compensator(64, 80).residual(now, before, shift(4.0, 0.0))
    assert residual[:, 1:].max() < 1e-4
    assert residual[:, 0].max() > 0


def test_no_motion_leaves_the_plain_difference(pair: tuple[np.ndarray, np.ndarray]):
    before, now = (picture[:, :64].copy() for picture in pair)
    plain = area_mean(np.abs(now.astype(np.float32) - before), GRID)
    still = np.zeros((2, 8, 8), np.float32)
    np.testing.assert_allclose(compensator(64, 64).residual(now, before, still), plain, rtol=1e-5)


@pytest.mark.parametrize("divisor", [1, 2, 4, 3])
def test_reduced_luma_keeps_the_mean_and_the_size(divisor: int):
    plane = texture(width=123, height=75, seed=1)[:75, :123, 1]
    reduced = reduced_luma(plane, divisor)
    assert reduced.shape == (75 // divisor, 123 // divisor)
    assert reduced.dtype == np.uint8
    assert reduced.base is None
    assert abs(reduced.mean() - plane.mean()) < 1.5


def test_the_wrong_sign_is_worse_than_no_motion(pair: tuple[np.ndarray, np.ndarray]):
    before, now = pair
    still = compensator(64, 80).residual(now, before, shift(0.0, 0.0)).mean()
    assert compensator(64, 80).residual(now, before, shift(-4.0, 0.0)).mean() > still


def test_halves_of_a_pixel_are_interpolated():
    ramp = np.tile(np.arange(0, 160, 2, dtype=np.uint8), (64, 1))
    residual = compensator(64, 80).residual(ramp, ramp, shift(0.5, 0.0))
    np.testing.assert_allclose(residual[:, 1:], 1.0, atol=1e-4)


@pytest.mark.parametrize(("side", "divisor"), [(96, 1), (640, 4), (200, 2)])
def test_luma_is_reduced_only_as_far_as_a_cell_keeps_its_samples(side: int, divisor: int):
    settings = ResidualConfig(kind="compensated", luma_divisor=4, min_samples_per_cell=8)
    assert luma_divisor(settings, width=side, height=side, grid=Grid(12, 12)) == divisor
