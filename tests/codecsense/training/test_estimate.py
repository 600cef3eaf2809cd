"""What a job will cost: arithmetic that anyone can redo, on hosts whose sizes are published."""

from pathlib import Path

import pytest
import tiny_twins

from codecsense.training import estimate
from codecsense.training.estimate import Job

ROOT = Path(__file__).parents[3]
QWEN = ROOT / "profiles/architectures/Qwen2.5-VL-7B-Instruct.json"


def test_zero_shares_what_the_papers_say_it_shares():
    """8 G of frozen weights, 160 M that train, on 8 GPUs in half precision."""
    job = Job(gpus=8, zero=0, samples_per_gpu=1, text_tokens=0, checkpointing=True)
    alone = estimate.spread(8 * 10**9, 160 * 10**6, number_bytes=2, job=job)
    assert alone == {
        "weights": 16_320_000_000,
        "weights in single precision": 640_000_000,
        "gradients": 640_000_000,
        "optimiser": 1_280_000_000,
    }
    second = estimate.spread(8 * 10**9, 160 * 10**6, number_bytes=2, job=job._replace(zero=2))
    assert second["weights"] == alone["weights"]
    assert all(second[part] == alone[part] // 8 for part in alone if part != "weights")
    third = estimate.spread(8 * 10**9, 160 * 10**6, number_bytes=2, job=job._replace(zero=3))
    assert all(third[part] == alone[part] // 8 for part in alone)


def test_activations_of_qwen2_5_vl_7b_are_those_one_counts_by_hand():
    """Per token and layer: its input; in the layer at work 4 norms, q, k, v, what they mix, and 4 times the MLP."""
    host = tiny_twins.settings(host=tiny_twins.HOSTS["qwen2_5_vl"] | {"dtype": "bfloat16"}).host.outline(QWEN)
    layer = 4 * 3584 + 2 * 3584 + 2 * 512 + 4 * 18944
    kept = estimate.activation_bytes(host, 1000, words=100, number_bytes=2, checkpointing=True)
    assert kept["activations"] == 1000 * (28 * 3584 + layer) * 2
    assert kept["scores"] == 100 * 152064 * 10
    everything = estimate.activation_bytes(host, 1000, words=100, number_bytes=2, checkpointing=False)
    assert everything["activations"] == 1000 * 28 * layer * 2


def test_an_architecture_is_found_beside_its_weights_or_by_their_name(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    assert estimate.architecture_of(str(tmp_path), tmp_path) == tmp_path / "config.json"
    assert estimate.architecture_of("Qwen/Qwen2.5-VL-7B-Instruct", QWEN.parent) == QWEN
    with pytest.raises(ValueError, match="no config.json is known for tiny"):
        estimate.architecture_of("tiny", QWEN.parent)


def test_an_architecture_of_another_family_is_refused():
    with pytest.raises(ValueError, match="host `qwen3_vl` reads qwen3_vl"):
        tiny_twins.settings(host=tiny_twins.HOSTS["qwen3_vl"]).host.outline(QWEN)
