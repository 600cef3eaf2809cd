"""Several processes learn what one would from the whole batch; what cannot work is refused before it starts."""

import warnings
from collections.abc import Iterable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
from accelerate.state import AcceleratorState
from tiny_training import ALIGN, SFT
from together import together
from torch import Tensor

from codecsense.clips import Clips
from codecsense.texts import Menu
from codecsense.training import align, sft
from codecsense.training.inspection import askable
from codecsense.training.losses import info_nce
from codecsense.training.processes import Compute, Processes, Sharded
from codecsense.training.schedule import Descent, Optimiser

LONGER = SFT.model_copy(update={"batch": 4})
CPU = Compute(device="cpu", precision="fp32")
ONE_PIECE = Sharded(device="cpu", precision="fp32", zero=0, accumulation=1, checkpointing=False)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def afresh() -> Iterator[None]:
    """accelerate keeps one state per process; a test that needs another precision leaves none behind."""
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
    pytest.importorskip("deepspeed", reason="DeepSpeed is missing: pip install '.[gpu]'")
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


@pytest.fixture(scope="module")
def lesson(clips: Clips) -> sft.Lesson:
    """One clip has no motion, and one nothing but captions. Made before any fork, which polars would not survive."""
    still = copy(clips)
    still.mask = clips.mask.clone()
    still.mask[4] = False
    texts = tiny_twins.texts(tiny_twins.model())
    texts[5] = texts[5]._replace(questions=[], reasoned=[])
    return sft.Lesson(still, texts)


def stage_2(lesson: sft.Lesson, folder: Path, settings: sft.SFT) -> dict[str, Any]:
    """What comes of Stage 2 in this process."""
    model = tiny_twins.model()
    processes = Processes(settings.compute, batch=settings.batch, clip=settings.optimiser.clip)
    file = folder / f"sft_{processes.number}.pt"
    curve = sft.fit(model, lesson, lesson, settings, seed=1, state_file=file, processes=processes)
    weights = sft.trained_weights(model)
    with processes.whole(weights.values()):
        return {"curve": curve, "weights": {name: weight.detach().clone() for name, weight in weights.items()}}


def alike(parts: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    """Losses and weights within 1e-4: sums are taken in another order, and AdamW divides by small numbers."""
    same(parts[0]["weights"], parts[1]["weights"], exactly=True)
    same(parts[0]["weights"], alone["weights"])
    assert parts[0]["curve"] == parts[1]["curve"]
    for one, other in zip(parts[0]["curve"], alone["curve"], strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_two_processes_teach_as_one_with_the_joint_batch(lesson: sft.Lesson, tmp_path: Path):
    """Whatever clips without motion or questions the draw puts where: nobody waits, and the loss is the joint one."""
    alike(together(2, lambda: stage_2(lesson, tmp_path, LONGER), tmp_path), stage_2(lesson, tmp_path, LONGER))


@pytest.mark.slow
@pytest.mark.parametrize("zero", [2, 3])
@pytest.mark.parametrize("tuned", ["lora", "full"])
def test_zero_teaches_as_one_process_does_and_goes_on_after_a_kill(
    zero: int, tuned: str, lesson: sft.Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """On CPU, by gloo, in fp32, with gradients of 2 pieces each: losses and weights of one process within 1e-4."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is missing: pip install '.[gpu]'")
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    settings = LONGER.model_copy(update={"tuned": tuned})
    shared = settings.model_copy(
        update={"compute": settings.compute.model_copy(update={"zero": zero, "accumulation": 2})}
    )

    def work(steps_before_the_kill: int = 99) -> dict[str, Any]:
        warnings.simplefilter("ignore")  # DeepSpeed still calls collectives by names that PyTorch will drop
        descend = Optimiser.step

        def step(self: Optimiser, losses: Tensor | Iterable[Tensor]) -> Descent:
            if self.done == steps_before_the_kill:
                raise KilledError
            return descend(self, losses)

        monkeypatch.setattr(Optimiser, "step", step)
        try:
            return stage_2(lesson, tmp_path, shared)
        except KilledError:
            return {}

    alone = stage_2(lesson, tmp_path, settings)
    assert together(2, lambda: work(2), tmp_path) == [{}, {}]
    resumed = together(2, work, tmp_path)
    assert [row["step"] for row in resumed[0]["curve"]] == [0, 1, 2, 3]
    alike(resumed, alone)


class KilledError(Exception):
    """Stands for a kill between two steps."""


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


def test_bf16_loses_as_much_as_fp32_to_two_digits(lesson: sft.Lesson, tmp_path: Path, afresh: None):
    rough = LONGER.model_copy(update={"compute": LONGER.compute.model_copy(update={"precision": "bf16"})})
    (tmp_path / "bf16").mkdir()
    found = stage_2(lesson, tmp_path / "bf16", rough)
    assert {weight.dtype for weight in found["weights"].values()} == {torch.float32}
    AcceleratorState._reset_state(reset_partial_state=True)
    exact = stage_2(lesson, tmp_path, LONGER)
    losses = [[row["loss"] for row in curve] for curve in (found["curve"], exact["curve"])]
    assert losses[0] == pytest.approx(losses[1], abs=0.02)
    assert losses[0] != losses[1]


def test_a_board_shows_the_curve(clips: Clips, tmp_path: Path, afresh: None):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    processes = Processes(CPU, batch=ALIGN.batch, clip=1.0, log_to=["tensorboard"], events=tmp_path)
    model = tiny_twins.model()
    assert model.adapter is not None
    curve = align.fit(model.adapter, clips, clips, ALIGN, seed=1, state_file=tmp_path / "state.pt", processes=processes)
    processes.close()
    events = accumulator.EventAccumulator(str(tmp_path / "codecsense"))
    events.Reload()
    shown = [event.value for event in events.Scalars("loss")]
    assert shown == pytest.approx([row["loss"] for row in curve])
    assert [event.step for event in events.Scalars("validation_retrieval")] == [1, 3]


def test_a_clip_of_which_nothing_is_asked_is_left_out_and_counted(
    clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    menu = Menu({"hidden": 1}, {"visual": 0})
    texts = tiny_twins.texts(tiny_twins.model())
    texts[2] = texts[2]._replace(questions=[], captions={"visual": [], "audio": []})
    assert askable(texts, menu, label="sft").tolist() == [0, 1, 3, 4, 5]
    assert "sft: 1 of 6 clips have nothing that is asked for and are left out" in capsys.readouterr().out
    with pytest.raises(ValueError, match="none of 6 clips has a question or caption"):
        askable(texts, Menu({"static": 2}, {}), label="sft")
