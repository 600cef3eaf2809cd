"""Several processes learn what one would from the whole batch; what cannot work is refused before it starts."""

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
from tiny_training import ALIGN
from together import together
from torch import Tensor

from codecsense.clips import Clips
from codecsense.training import align
from codecsense.training.losses import info_nce
from codecsense.training.processes import Compute, Processes, Sharded

CPU = Compute(device="cpu", precision="fp32")
ONE_PIECE = Sharded(device="cpu", precision="fp32", zero=0, accumulation=1, checkpointing=False)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def afresh() -> Iterator[None]:
    """accelerate keeps one state per process; a test that needs another precision leaves none behind."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="a batch of 9 does not divide into 1 processes x 2 pieces each"):
        Processes(ONE_PIECE.model_copy(update={"accumulation": 2}), batch=9, clip=1.0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is one")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="compute.device is cuda, but PyTorch finds no CUDA device"):
        Processes(CPU.model_copy(update={"device": "cuda"}), batch=2, clip=1.0)


def test_zero_without_a_launcher_is_refused(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("deepspeed")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(ValueError, match="compute.zero is 2, which needs a launcher"):
        Processes(ONE_PIECE.model_copy(update={"zero": 2}), batch=2, clip=1.0)


def test_a_board_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("codecsense.training.processes.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"log_to names wandb, which is not installed: pip install '.\[wandb\]'"):
        Processes(CPU, batch=2, clip=1.0, log_to=["wandb"])


def test_pieces_of_all_processes_are_the_batch():
    processes = Processes(ONE_PIECE.model_copy(update={"accumulation": 3}), batch=6, clip=1.0)
    own = [list(range(6))[piece] for piece in processes.pieces()]
    assert own == [[0, 1], [2, 3], [4, 5]]
    assert list(range(6))[processes.share()] == [0, 1, 2, 3, 4, 5]


def test_gathered_negatives_give_the_gradients_of_the_joint_batch(tmp_path: Path):
    """InfoNCE of 2 processes with 3 pairs each against one with all 6; without negatives of the other it is smaller."""
    codes, targets = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))

    def work() -> dict[str, Any]:
        processes = Processes(CPU, batch=6, clip=1.0)
        own = codes[processes.share()].clone().requires_grad_(True)
        loss = info_nce(processes.gather(own), processes.gather(targets[processes.share()]), torch.tensor(5.0))
        loss.backward()
        return {"loss": loss.detach(), "gradient": own.grad}

    parts = together(2, work, tmp_path)
    whole = codes.clone().requires_grad_(True)
    loss = info_nce(whole, targets, torch.tensor(5.0))
    loss.backward()
    assert whole.grad is not None
    assert parts[0]["loss"] == parts[1]["loss"] == loss
    gradient = torch.cat([part["gradient"] for part in parts])
    torch.testing.assert_close(gradient / 2, whole.grad)  # each of 2 losses speaks of all codes; averaging halves again
    assert info_nce(codes[:3], targets[:3], torch.tensor(5.0)) < loss


def test_two_processes_align_as_one_with_the_joint_batch(clips: Clips, tmp_path: Path):
    """Losses within 1e-4 over 3 steps and weights within 1e-4: sums are taken in another order, and AdamW divides."""
    settings = ALIGN.model_copy(update={"steps": 3, "batch": 4})

    def work() -> dict[str, Any]:
        model = tiny_twins.model()
        assert model.adapter is not None
        processes = Processes(settings.compute, batch=settings.batch, clip=settings.optimiser.clip)
        file = tmp_path / f"{processes.number}.pt"
        curve = align.fit(model.adapter, clips, clips, settings, seed=1, state_file=file, processes=processes)
        return {"curve": curve, "weights": model.adapter.state_dict(), "rank": processes.rank}

    parts, alone = together(2, work, tmp_path), work()
    assert [part["rank"] for part in parts] == [0, 1]
    same(parts[0]["weights"], parts[1]["weights"], exactly=True)
    same(parts[0]["weights"], alone["weights"])
    for one, other in zip(parts[0]["curve"], alone["curve"], strict=True):
        assert one.keys() == other.keys()
        assert one == pytest.approx(other, abs=1e-4)


def same(one: dict[str, Tensor], other: dict[str, Tensor], *, exactly: bool = False) -> None:
    tolerance = 0.0 if exactly else 1e-4
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], atol=tolerance, rtol=0.0, msg=name)


def test_numbers_that_are_not_finite_stop_a_loop_before_its_first_step(clips: Clips, tmp_path: Path):
    broken = copy(clips)
    broken.mv = clips.mv.clone()
    broken.mv[3, 0, 0, 0, 0, 0] = torch.nan
    model = tiny_twins.model()
    assert model.adapter is not None
    processes = Processes(CPU, batch=ALIGN.batch, clip=1.0)
    with pytest.raises(ValueError, match="align: 1 of 6 clips have features or maps that are not finite.*clip_003"):
        align.fit(model.adapter, broken, clips, ALIGN, seed=1, state_file=tmp_path / "s.pt", processes=processes)
    assert not (tmp_path / "s.pt").exists()
