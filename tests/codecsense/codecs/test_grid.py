import numpy as np
import pytest

from codecsense.codecs import Grid
from codecsense.codecs.grid import Raster
from codecsense.codecs.vectors import Distances, velocities

VECTOR = np.dtype(
    [
        *[("source", "<i4"), ("w", "u1"), ("h", "u1"), ("src_x", "<i2"), ("src_y", "<i2"), ("dst_x", "<i2")],
        *[("dst_y", "<i2"), ("flags", "<u8"), ("motion_x", "<i4"), ("motion_y", "<i4"), ("motion_scale", "<u2")],
    ],
    align=True,
)


def block(x: int, y: int, side: int, motion: tuple[int, int], *, source: int = -1) -> np.ndarray:
    """One vector of a square block whose top left corner is at (x, y), in quarter pixels."""
    half = side // 2
    return np.array([(source, side, side, 0, 0, x + half, y + half, 0, *motion, 4)], VECTOR)


@pytest.mark.parametrize(("width", "height"), [(96, 96), (131, 97), (1920, 1080), (16, 16), (7, 300)])
def test_a_uniform_plane_stays_uniform_at_any_picture_size(width: int, height: int):
    raster = Raster(width=width, height=height, grid=Grid(5, 7))
    plane = np.full((1, raster.rows, raster.columns), 3.0, np.float32)
    np.testing.assert_allclose(raster.pool(plane), 3.0, rtol=1e-5)


def test_a_cell_weighs_squares_by_the_area_that_they_share():
    raster = Raster(width=24, height=8, grid=Grid(1, 2))
    plane = np.array([[[0.0, 6.0, 12.0]]], np.float32)
    np.testing.assert_allclose(raster.pool(plane)[0, 0], [2.0, 10.0])


def test_what_lies_beyond_the_picture_is_clipped():
    raster = Raster(width=20, height=8, grid=Grid(1, 1))
    plane = np.array([[[0.0, 0.0, 10.0]]], np.float32)
    np.testing.assert_allclose(raster.pool(plane), 10.0 * 4 / 20)


def test_a_vector_to_the_past_is_divided_by_its_distance_and_turned_around():
    raster = Raster(width=16, height=16, grid=Grid(1, 1))
    found = velocities(block(0, 0, 16, (-24, 8)), Distances(-2.0, None), raster)
    np.testing.assert_allclose(raster.pool(found.planes)[:, 0, 0], [3.0, -1.0, 1.0])


def test_a_block_predicted_from_both_sides_has_the_mean_of_both_velocities():
    raster = Raster(width=16, height=16, grid=Grid(1, 1))
    both = np.concatenate([block(0, 0, 16, (-16, 0)), block(0, 0, 16, (48, 0), source=1)])
    found = velocities(both, Distances(-1.0, 2.0), raster)
    np.testing.assert_allclose(raster.pool(found.planes)[:, 0, 0], [(4 + 6) / 2, 0.0, 1.0])


def test_a_vector_whose_reference_is_unknown_says_nothing():
    raster = Raster(width=16, height=16, grid=Grid(1, 1))
    assert not velocities(block(0, 0, 16, (48, 0), source=1), Distances(-1.0, None), raster).planes.any()


def test_intra_blocks_lower_the_cover_and_not_the_velocity():
    raster = Raster(width=32, height=16, grid=Grid(1, 1))
    pooled = raster.pool(velocities(block(0, 0, 16, (-16, 0)), Distances(-1.0, None), raster).planes)[:, 0, 0]
    assert pooled[2] == pytest.approx(0.5)
    assert pooled[0] / pooled[2] == pytest.approx(4.0)


@pytest.mark.parametrize("place", [(-16, 0), (0, -64), (4000, 0), (24, 24)])
def test_blocks_at_or_beyond_the_edge_do_no_harm(place: tuple[int, int]):
    raster = Raster(width=30, height=30, grid=Grid(2, 2))
    assert np.isfinite(velocities(block(*place, 16, (4, 4)), Distances(-1.0, None), raster).planes).all()
