from itertools import pairwise

import numpy as np
import pytest

from codecsense.codecs.container import UnreadableError
from codecsense.codecs.packets import PacketTable
from codecsense.streams.anchors import choose_anchors
from codecsense.streams.layout import NO_SLOT, lay_out
from codecsense.streams.settings import AnchorConfig, ExtractConfig, WindowConfig


def packets(num_frames: int, *, keys: list[int], large: list[int] | None = None) -> PacketTable:
    """A table of pictures at 25 per second, 100 bytes each, key frames 1000, and some that are unusually large."""
    sizes = np.full(num_frames, 100)
    sizes[keys] = 1000
    sizes[large or []] = 900
    is_key = np.zeros(num_frames, bool)
    is_key[keys] = True
    ranks = np.arange(num_frames)
    return PacketTable(pts=ranks, time_s=ranks / 25, sizes=sizes, keys=is_key, order=ranks, errors=0)


def anchors(table: PacketTable, policy: str, count: int) -> list[int]:
    return choose_anchors(table, AnchorConfig.model_validate({"policy": policy, "count": count})).tolist()


def test_exact_anchors_are_evenly_spaced_and_include_both_ends():
    assert anchors(packets(49, keys=[0]), "exact", 4) == [0, 16, 32, 48]


def test_key_anchors_move_to_the_nearest_key_frame():
    assert anchors(packets(100, keys=[0, 30, 70, 95]), "key", 4) == [0, 30, 70, 95]


def test_without_key_frames_nearby_an_anchor_stays_where_it_is():
    assert anchors(packets(100, keys=[0]), "key", 4) == [0, 33, 66, 99]


@pytest.mark.parametrize("policy", ["exact", "key", "scene"])
@pytest.mark.parametrize("keys", [[0], [0, 1, 2, 3], list(range(40)), [0, 39]])
@pytest.mark.parametrize("count", [2, 3, 8, 40])
def test_anchors_are_distinct_and_in_order_whatever_the_key_frames(policy: str, keys: list[int], count: int):
    chosen = anchors(packets(40, keys=keys), policy, count)
    assert len(chosen) == count
    assert all(first < second for first, second in pairwise(chosen))
    assert chosen[0] >= 0
    assert chosen[-1] < 40


def test_scene_anchors_find_a_key_frame_out_of_turn():
    chosen = anchors(packets(200, keys=[0, 50, 77, 127, 177]), "scene", 4)
    assert 77 in chosen


def test_scene_anchors_find_a_picture_that_could_not_be_predicted():
    chosen = anchors(packets(200, keys=[0], large=[140]), "scene", 4)
    assert 140 in chosen


def test_fewer_pictures_than_anchors_is_a_reject():
    with pytest.raises(UnreadableError, match="3 pictures are fewer than the 8 anchors"):
        anchors(packets(3, keys=[0]), "exact", 8)


def test_every_picture_but_opening_anchors_and_keys_has_a_slot(settings: ExtractConfig):
    layout = lay_out(packets(49, keys=[0, 16, 32, 48]), settings, with_keys=False)
    assert [int((layout.interval == number).sum()) for number in range(3)] == [15, 15, 15]
    assert layout.slot[:17].tolist() == [NO_SLOT, *range(15), NO_SLOT]


def test_where_keys_have_motion_the_closing_anchor_has_a_slot_too(settings: ExtractConfig):
    layout = lay_out(packets(49, keys=[0, 16, 32, 48]), settings, with_keys=True)
    assert layout.interval[16] == 0
    assert layout.slot[16] == 14


def test_windows_start_at_key_frames_and_anchors_are_decoded_all_the_same(settings: ExtractConfig):
    table = packets(1000, keys=list(range(0, 1000, 25)))
    windows = WindowConfig(per_interval=2, length_s=0.4)
    layout = lay_out(table, settings.model_copy(update={"windows": windows}), with_keys=False)
    covered = np.zeros(1000, bool)
    for span in layout.spans:
        assert table.keys[span.start]
        covered[span.start : span.stop] = True
    assert covered[layout.anchors].all()
    assert covered[layout.frames].all()
    assert covered[layout.slot != NO_SLOT].all()
    assert covered.mean() < 0.35
    assert np.unique(layout.interval[layout.slot != NO_SLOT]).tolist() == [0, 1, 2]
