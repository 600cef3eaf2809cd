"""The probe's windows and classes, on numbers that can be checked by hand."""

import numpy as np
import polars as pl
import torch

from codecsense.evaluation.probe import ANSWERS, SKIPPED, _classes, _cut, _shrink


def test_a_window_is_centred_on_the_middle_block_of_its_cell():
    rows, columns = np.mgrid[:12, :12]
    maps = np.broadcast_to((100 * rows + columns).astype(np.float32), (1, 3, 2, 1, 12, 12))
    cut = _cut(maps, np.array([0, 0]), np.array([0, 2]), np.array([6, 0]), window=5)
    assert cut.shape == (2, 2, 1, 5, 5)
    assert cut[0, 0, 0, 2, 2] == 407  # second row of cells, third column
    assert cut[0, 0, 0, 0, 0] == 205
    assert cut[1, 0, 0, 2, 2] == 101
    assert (cut[1, :, :, 0] == 0).all()  # above the picture


def test_anchors_shrink_to_the_blocks_of_the_maps():
    anchors = np.zeros((1, 3, 96, 96, 3), np.uint8)
    anchors[0, 1, 8:16, 16:24] = (255, 0, 51)
    shrunk = _shrink(anchors, side=12)
    assert shrunk.shape == (1, 3, 3, 12, 12)
    np.testing.assert_allclose(shrunk[0, 1, :, 1, 2], [0.5, -0.5, -0.3], atol=1e-6)
    assert (shrunk[0, 0] == -0.5).all()


def test_a_fact_counts_only_for_actions_that_have_it():
    facts = pl.DataFrame(
        {
            "kind": ["swing", "flash", "orbit", "go", "still"],
            "way": ["up", "none", "none", "left", "none"],
            "count": [3, 1, 0, 0, 0],
            "spin": ["none", "none", "ccw", "none", "none"],
        }
    )
    found = {fact: _classes(facts, fact).tolist() for fact in ANSWERS}
    assert found["kind"] == [1, 3, 2, 4, 0]
    assert found["way"] == [2] + [SKIPPED] * 4
    assert found["swings"] == [2] + [SKIPPED] * 4
    assert found["flashes"] == [SKIPPED, 0, SKIPPED, SKIPPED, SKIPPED]
    assert found["spin"] == [SKIPPED, SKIPPED, 1, SKIPPED, SKIPPED]
    assert torch.tensor(found["kind"]).max() < len(ANSWERS["kind"])
