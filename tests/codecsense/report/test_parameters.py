"""The adapter at full size has the weights that the report prints, row by row; its wrong sums are named."""

from pathlib import Path

import pytest

from codecsense.papers.commands import REPORTED
from codecsense.report import parameters
from codecsense.report.parameters import FullSize, Part


@pytest.fixture(scope="module")
def size() -> FullSize:
    return parameters.full_size(REPORTED)


@pytest.fixture(scope="module")
def stage_1(size: FullSize) -> dict[str, Part]:
    return {part.name: part for part in parameters.stage_1(size)}


def test_every_row_of_the_report_is_met_within_one_per_cent(stage_1: dict[str, Part]):
    """Appendix C of the report: 11.5, 11.5, 14.0, 4.8, 36.2 and 8.0, in all 86.0 million weights."""
    rows = ["branches.mv", "branches.residual", "branches.context", "fusions", "trunk", "head", "total"]
    assert list(stage_1) == rows
    assert {name: stage_1[name].reported for name in rows} == dict(
        zip(rows, [11.5, 11.5, 14.0, 4.8, 36.2, 8.0, 86.0], strict=True)
    )
    off = {name: part.off for name, part in stage_1.items()}
    assert all(share is not None and abs(share) < 0.01 for share in off.values()), off


def test_a_branch_is_a_resnet_18_without_its_last_layer_and_a_matrix(stage_1: dict[str, Part]):
    """torchvision's has 11,689,512 weights, 513,000 of them in the last layer; the first convolution sees 2 channels or
    1 instead of 3."""
    bare, kernel = 11_689_512 - 513_000, 64 * 7 * 7
    matrix = 512 * 768 + 768
    assert stage_1["branches.mv"].ours == (bare - kernel + matrix) / 1e6
    assert stage_1["branches.residual"].ours == (bare - 2 * kernel + matrix) / 1e6


def test_the_gates_of_the_printed_equations_are_half_of_what_is_printed(size: FullSize, stage_1: dict[str, Part]):
    """Equations 3 and 4 are one matrix each; why the rest is there is said in the fusion's file."""
    equations = 2 * (2 * 768 * 768 + 768) / 1e6
    assert size.adapter.width == 768
    assert 0.48 < equations / stage_1["fusions"].ours < 0.52


def test_lora_of_rank_32_on_all_projections_of_qwen2_5_7b_is_80_7_million(size: FullSize):
    """peft's own count for that model and rank."""
    assert parameters.lora(size.lora) == pytest.approx(80.74, abs=0.01)


def test_stage_2_counts_what_it_needs_beyond_the_report(size: FullSize):
    parts = {part.name: part for part in parameters.stage_2(size)}
    assert parts["projector, places and scale"].reported is None
    assert parts["projector, places and scale"].ours > 5
    assert parts["lora"].off == pytest.approx(1.03, abs=0.01)


def test_the_report_s_own_sums_are_held_against_its_rows(size: FullSize):
    first, second = parameters.remarks(size)
    assert "78.0 + 39.8 = 117.8 M, not 157.6; with LoRA counted twice it is 157.6" in first
    assert "rank 32 on all seven projections is 80.7 M, not 39.8" in second


def test_a_file_without_a_section_is_refused_by_name(tmp_path: Path):
    file = tmp_path / "reported.yaml"
    file.write_text("adapter: {}\n")
    with pytest.raises(ValueError, match="has no section `shapes`"):
        parameters.full_size(file)
