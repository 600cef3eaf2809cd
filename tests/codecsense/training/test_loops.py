"""Every training loop survives a kill to the last bit, moves what it should and leaves alone what is frozen."""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
import tiny_training
import tiny_twins
import torch
from tiny_training import ALIGN, SFT, VANAO, measured
from torch import Tensor, nn

from codecsense.clips import Clips
from codecsense.evaluation.answering import answer_directly
from codecsense.model import CodecSense
from codecsense.scratch import load_state
from codecsense.training import align, checkpoints, grpo, sft
from codecsense.training.lora import add as add_lora
from codecsense.training.processes import Processes
from codecsense.training.schedule import Descent, Optimiser

Curve = list[dict[str, float]]


class Trained(NamedTuple):
    """What came of a loop."""

    model: CodecSense
    curve: Curve


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_training.reference(tmp_path_factory.mktemp("reference"))


RL = {"grpo": {}, "grpo, reused": {"updates": 3, "held_out": 2}, "dpo": {"objective": "dpo"}}
SENSED = SFT.model_copy(update={"sense": SFT.sense.model_copy(update={"batch": 2})})


@pytest.fixture(params=["align", "sft", "sft, sensed", *RL])
def loop(request: pytest.FixtureRequest, clips: Clips, reference: Path) -> Callable[[Path], Trained]:
    """A rollout that serves three steps is on disk when the kill comes in the third."""
    if request.param in RL:
        settings = VANAO.model_copy(update=RL[request.param])
        return lambda file: by_grpo(clips, reference, file, settings)
    if request.param == "align":
        return lambda file: by_align(clips, file)
    return lambda file: by_sft(clips, file, SENSED if "sensed" in request.param else SFT)


def by_align(clips: Clips, state_file: Path, settings: align.Align = ALIGN) -> Trained:
    model = tiny_twins.model()
    assert model.adapter is not None
    processes = Processes(settings.compute, batch=settings.batch, clip=settings.optimiser.clip)
    curve = align.fit(model.adapter, clips, clips, settings, seed=1, state_file=state_file, processes=processes)
    return Trained(model, curve)


def by_sft(clips: Clips, state_file: Path, settings: sft.SFT = SFT, validated: bool = True) -> Trained:
    model = tiny_twins.model()
    processes = Processes(settings.compute, batch=settings.batch, clip=settings.optimiser.clip)
    lesson = sft.Lesson(clips, tiny_twins.texts(model))
    watched = lesson if validated else None
    curve = sft.fit(model, lesson, watched, settings, seed=1, state_file=state_file, processes=processes)
    return Trained(model, curve)


def by_grpo(clips: Clips, reference: Path, state_file: Path, settings: grpo.Vanao) -> Trained:
    model = checkpoints.load(reference, tiny_twins.host())
    prompts = grpo.prompts_of(model, clips, measured(), settings)
    return Trained(model, grpo.fit(model, clips, prompts, settings, seed=1, state_file=state_file))


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Makes the loop die in the step of this number, after its random draws and before its descent."""
    descend = Optimiser.step

    def at(number: int) -> None:
        def step(self: Optimiser, losses: Tensor | Iterable[Tensor]) -> Descent:
            if self.done == number:
                raise KeyboardInterrupt
            return descend(self, losses)

        monkeypatch.setattr(Optimiser, "step", step)

    yield at
    monkeypatch.undo()


def test_two_steps_a_kill_and_two_steps_are_four_steps_to_the_last_bit(
    loop: Callable[[Path], Trained], killed: Callable[[int], None], tmp_path: Path
):
    whole = loop(tmp_path / "whole.pt")
    killed(2)
    with pytest.raises(KeyboardInterrupt):
        loop(tmp_path / "parts.pt")
    killed(99)
    parts = loop(tmp_path / "parts.pt")
    assert [row["step"] for row in parts.curve] == [0, 1, 2, 3]
    assert parts.curve == whole.curve
    same(parts.model.state_dict(), whole.model.state_dict())
    again = loop(tmp_path / "parts.pt")
    assert again.curve == whole.curve, "a loop that had ended must train no more"
    same(again.model.state_dict(), whole.model.state_dict())


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert different == []


def changed(before: dict[str, Tensor], model: nn.Module) -> set[str]:
    after = model.state_dict()
    return {name for name, weight in before.items() if not torch.equal(weight, after[name])}


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def test_stage_1_moves_the_adapter_and_nothing_else(clips: Clips, tmp_path: Path):
    before, trained = copied(tiny_twins.model()), by_align(clips, tmp_path / "state.pt")
    moved = changed(before, trained.model)
    assert moved
    assert all(name.startswith("adapter.") for name in moved)
    untouched = {"adapter.norm.weight", "adapter.project.weight", "adapter.interval", "adapter.slot", "adapter.scale"}
    assert not moved & untouched, "only what describes is aligned"
    measured = {"validation_retrieval", "validation_cosine", "validation_info_nce"}
    assert [measured <= row.keys() for row in trained.curve] == [False, True, False, True]


def test_still_clips_do_not_poison_stage_1(clips: Clips):
    """Where nothing changed there is no target; the loss used to be NaN, and every weight with it."""
    model = tiny_twins.model()
    assert model.adapter is not None
    still = copy(clips)
    still.tower = clips.tower[:, :1].expand_as(clips.tower)
    head = model.adapter.head(temperature=0.07)
    network = align.Aligner(model.adapter, head, ALIGN)
    processes = Processes(ALIGN.compute, batch=2, clip=1.0)
    rows, generator = torch.tensor([0, 1]), torch.Generator().manual_seed(0)
    compared = align.compare(network, still, rows, ALIGN, generator, processes)
    loss, logged = align.loss_of(compared, ALIGN)
    loss.backward()
    assert loss == 0
    assert logged["dropped"] == 1.0
    assert logged["still"] == 2 * tiny_twins.INTERVALS
    assert not any(weight.grad.isnan().any() for weight in model.adapter.parameters() if weight.grad is not None)


@pytest.mark.parametrize("objective", ["mse", "hybrid"])
def test_the_report_s_other_objectives_train_too(objective: str, clips: Clips, tmp_path: Path):
    other = ALIGN.model_copy(update={"objective": objective})
    contrast, trained = by_align(clips, tmp_path / "info_nce.pt"), by_align(clips, tmp_path / "other.pt", other)
    first, second = contrast.curve[0], trained.curve[0]
    assert first["retrieval"] == second["retrieval"], "before the first step only the loss differs"
    assert second["loss"] > first["loss"] if objective == "hybrid" else second["loss"] != first["loss"]
    assert changed(contrast.model.state_dict(), trained.model)


def test_stage_2_moves_lora_and_senses_and_nothing_else(clips: Clips, tmp_path: Path):
    model = tiny_twins.model()
    add_lora(model.host, "sft", SFT.lora, seed=1)  # the one that the loop starts from
    trained = by_sft(clips, tmp_path / "state.pt")
    moved = changed(copied(model), trained.model)
    own = {name for name, weight in trained.model.named_parameters() if weight.requires_grad}
    assert moved == own
    assert all(".sft." in name or name.startswith(("adapter.", "audio.")) for name in own)


def test_a_host_tuned_in_full_keeps_its_tower(clips: Clips, tmp_path: Path):
    before = copied(tiny_twins.model())
    trained = by_sft(clips, tmp_path / "state.pt", SFT.model_copy(update={"tuned": "full"}))
    moved = changed(before, trained.model)
    tower = {f"host.{name}" for name, part in trained.model.host.named_modules() if part is trained.model.host.tower}
    frozen = {name for name in before if any(name.startswith(f"{path}.") for path in tower)}
    assert frozen
    assert not moved & frozen
    assert {name.split(".")[0] for name in moved} == {"host", "adapter", "audio"}
    assert any("layers.1.mlp.down_proj" in name for name in moved)
    checkpoints.save(trained.model, tmp_path / "whole", notes={}, whole=True)
    same(checkpoints.load_trained(tmp_path / "whole").state_dict(), trained.model.state_dict())
    with pytest.raises(ValueError, match="holds a host of its own, which is not the one given; use load_trained"):
        checkpoints.load(tmp_path / "whole", tiny_twins.host())


def test_only_the_layers_that_are_named_get_a_lora():
    model = tiny_twins.model()
    add_lora(model.host, "sft", tiny_twins.LORA.model_copy(update={"targets": ["o_proj"]}), seed=0)
    with_lora = {name for name, weight in model.named_parameters() if weight.requires_grad and ".sft." in name}
    assert len(with_lora) == 4, "two matrices in each of two layers of the language model"
    assert all(".o_proj." in name and "language_model" in name for name in with_lora)


def test_the_best_weights_are_those_of_the_lowest_loss_on_validation(
    clips: Clips, killed: Callable[[int], None], tmp_path: Path
):
    """With rates this high the last of 8 steps is not the best, or there would be nothing to tell apart."""
    jumps = SFT.optimiser.model_copy(update={"decay_share": 0.0})
    rates = {"lora_learning_rate": 1.0, "senses_learning_rate": 1.0}
    wild = SFT.model_copy(update={"steps": 8, "validate_every": 1, "optimiser": jumps, **rates})
    state_file = tmp_path / "state.pt"
    trained = by_sft(clips, state_file, wild)
    validated = [row["validation_loss"] for row in trained.curve]
    best = min(range(8), key=validated.__getitem__)
    assert best < 7
    killed(best + 1)
    with pytest.raises(KeyboardInterrupt):
        by_sft(clips, tmp_path / "stopped.pt", wild)
    killed(99)
    stopped = load_state(tmp_path / "stopped.pt")
    assert stopped is not None
    sft.load_best(trained.model, sft.best_of(state_file))
    same(dict(sft.trained_weights(trained.model)), stopped["weights"])


def test_keeping_the_best_without_validation_is_refused():
    with pytest.raises(ValueError, match="`keep: best` needs validation: set `validate_every`"):
        sft.SFT.model_validate(SFT.model_dump() | {"keep": "best", "validate_every": 0})


def test_activations_computed_again_give_the_same_weights(clips: Clips, tmp_path: Path):
    again = SFT.model_copy(update={"compute": SFT.compute.model_copy(update={"checkpointing": True})})
    kept, recomputed = by_sft(clips, tmp_path / "kept.pt"), by_sft(clips, tmp_path / "again.pt", again)
    assert kept.curve == recomputed.curve
    same(kept.model.state_dict(), recomputed.model.state_dict())


def test_pieces_learn_what_the_whole_batch_learns(clips: Clips, tmp_path: Path):
    """Answers differ in length, so a mean of the pieces' means would be another loss. Sums in another order: 1e-4."""
    pieces = SFT.model_copy(update={"compute": SFT.compute.model_copy(update={"accumulation": 2})})
    whole, parts = by_sft(clips, tmp_path / "whole.pt"), by_sft(clips, tmp_path / "parts.pt", pieces)
    for one, other in zip(whole.curve, parts.curve, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    for name, weight in whole.model.state_dict().items():
        torch.testing.assert_close(weight, parts.model.state_dict()[name], atol=1e-4, rtol=0.0, msg=name)


def test_stage_2_can_learn_one_batch_by_heart(clips: Clips, tmp_path: Path):
    """By clip, that is: the question is the same for all. The loss stays up, for frozen embeddings bound the scores."""
    lesson = SFT.model_copy(update={"steps": 40, "batch": 6, "captions": {}, "reasoned": 0, "save_every_s": 1e9})
    asked = tiny_twins.tables().questions.filter(pl.col("type") == "hidden")
    assert answer_directly(tiny_twins.model(), clips, asked, run="before", batch=6)["correct"].mean() < 1
    trained = by_sft(clips, tmp_path / "state.pt", lesson, validated=False)
    assert answer_directly(trained.model, clips, asked, run="after", batch=6)["correct"].all()
