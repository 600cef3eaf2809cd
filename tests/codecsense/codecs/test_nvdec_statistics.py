"""The part of the NVDEC backend that needs no device: what its statistics mean."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from codecsense import config
from codecsense.codecs import Grid
from codecsense.codecs.grid import Raster
from codecsense.codecs.nvdec_statistics import blocks_of, package
from codecsense.codecs.vectors import Distances, velocities
from codecsense.streams.extraction import extract_corpus
from codecsense.streams.settings import ExtractConfig

ROOT = Path(__file__).parents[3]

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


@pytest.mark.skipif(find_spec("PyNvVideoCodec") is not None, reason="needs a machine without the package")
def test_a_machine_without_it_is_told_so_before_any_file_is_read(tmp_path: Path):
    values = config.read(ROOT / "params.yaml")["extract"]
    nvdec = {"name": "nvdec", "decoding": {"pictures": "all", "loop_filter": True}, "gpu": 0}
    chosen = ExtractConfig.model_validate(values | {"codec": nvdec})
    with pytest.raises(ValueError, match="backend nvdec needs the package PyNvVideoCodec >= 2.1"):
        extract_corpus([], chosen, root=tmp_path, scratch=tmp_path, num_workers=1)


def test_a_package_without_a_driver_is_told_apart_from_a_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The real package raises RuntimeError, with a page of advice, when it is imported where no driver is."""
    (tmp_path / "PyNvVideoCodec.py").write_text('raise RuntimeError("\\nThe library could not be found.\\n1. Docker?")')
    monkeypatch.delitem(sys.modules, "PyNvVideoCodec", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"needs an NVIDIA GPU .* says: The library could not be found\.; or set"):
        package()
