from pathlib import Path

import pytest

from codecsense.streams.cutting import Item
from codecsense.streams.planning import Job, Rates, measure, plan, sample
from codecsense.streams.settings import ExtractConfig


def job(number: int, *, group: str = "h264, native", num_frames: int = 100) -> Job:
    return Job(Item(f"v{number}", f"v{number}.mp4", "0" * 32, "native", 0), group, 640, 360, num_frames)


def test_cost_grows_with_the_number_of_videos(settings: ExtractConfig):
    rates = Rates({"h264, native": 1e-9}, 1e-9, 0.0, 30.0, 1000.0)
    few, many = (
        plan([job(0)], rates, settings, num_workers=1),
        plan([job(n) for n in range(1000)], rates, settings, num_workers=1),
    )
    assert many.cpu_s == pytest.approx(1000 * few.cpu_s)
    assert many.num_bytes == pytest.approx(1000 * few.num_bytes)
    assert (few.num_shards, many.num_shards) == (1, 1000 // settings.videos_per_shard)


def test_every_worker_must_start(settings: ExtractConfig):
    rates = Rates({"h264, native": 1e-9}, 1e-9, 2.0, 30.0, 1000.0)
    one, four = (plan([job(0)], rates, settings, num_workers=count).cpu_s for count in (1, 4))
    assert four - one == pytest.approx(6.0)


def test_a_group_without_a_sample_costs_what_all_others_cost_on_average(settings: ExtractConfig):
    rates = Rates({"h264, native": 1e-9}, 3e-9, 0.0, 30.0, 1000.0)
    known, unknown = (
        plan([job(0)], rates, settings, num_workers=1),
        plan([job(0, group="vvc, estimated")], rates, settings, num_workers=1),
    )
    assert unknown.cpu_s == pytest.approx(3 * known.cpu_s)


def test_the_sample_has_every_group_and_short_videos_as_well_as_long():
    jobs = [job(n, num_frames=10 * (n + 1)) for n in range(50)] + [job(99, group="vp9, estimated")]
    chosen = sample(jobs, per_group=4)
    assert {each.group for each in chosen} == {"h264, native", "vp9, estimated"}
    lengths = [each.num_frames for each in chosen if each.group == "h264, native"]
    assert len(lengths) == 4
    assert min(lengths) < 150 < 350 < max(lengths)


def test_rates_are_measured_on_real_files(settings: ExtractConfig, real: Path):
    item = Item("flv1", "flv1.flv", "0" * 32, "native", 0)
    jobs = [Job(item, "flv1, native", 352, 288, 99)]
    predicted = plan(jobs, measure(jobs, settings, root=real), settings, num_workers=1)
    assert 0.01 < predicted.cpu_s < 10
    assert predicted.num_bytes > 4 * 352 * 288 * 3


def test_a_sample_that_cannot_be_read_is_one_clear_error(settings: ExtractConfig, tmp_path: Path):
    with pytest.raises(ValueError, match="no video of the sample could be extracted"):
        measure([job(0)], settings, root=tmp_path)
