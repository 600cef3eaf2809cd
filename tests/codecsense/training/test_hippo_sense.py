"""HippoSense: what is given and told, and that its three losses are those of the joint batch however it is cut."""

from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
from tiny_training import SFT
from together import together
from torch import Tensor

from codecsense.clips import Clips
from codecsense.sequence import Text
from codecsense.texts import ClipTexts
from codecsense.training import sft
from codecsense.training.hippo_sense import HippoSense, Senses, Task, given, moments
from codecsense.training.losses import answer_loss
from codecsense.training.processes import Processes

SENSE = HippoSense(batch=4, shift=1, vas_weight=0.1, avs_weight=0.3)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def texts() -> list[ClipTexts]:
    """Captions of different lengths, or a mean of means would look like the mean."""
    found = tiny_twins.texts(tiny_twins.model())
    for row, own in enumerate(found):
        for parts in own.parts.values():
            for interval, text in parts.items():
                parts[interval] = Text(
                    text.prompt, [*text.answer[:-1]] * (1 + (row + interval) % 3) + [text.answer[-1]]
                )
    return found


def test_what_is_heard_is_told_from_the_whole_video_and_the_sound_of_now():
    shown = given("vas", torch.tensor([0, 2]), 3)
    assert shown.pictures.all()
    assert shown.motion.all()
    assert shown.sound.tolist() == [[True, False, False], [False, False, True]]


def test_what_is_seen_is_told_from_the_whole_sound_and_the_pictures_and_motion_of_now():
    shown = given("avs", torch.tensor([0, 2]), 3)
    assert shown.sound.all()
    assert shown.motion.tolist() == [[True, False, False], [False, False, True]]
    assert shown.pictures.tolist() == [[True, True, False, False], [False, False, True, True]]


def test_now_is_never_what_is_told():
    told = {interval: Text([interval], [9]) for interval in (0, 1, 2)}
    assert [(each.now, each.text.prompt[0]) for each in moments(told, 1)] == [(0, 1), (1, 2), (1, 0), (2, 1)]
    assert [(each.now, each.text.prompt[0]) for each in moments(told, 2)] == [(0, 2), (2, 0)]
    assert moments({0: told[0], 2: told[2]}, 1) == []


def test_a_clip_without_sound_is_never_asked_what_is_heard(clips: Clips, texts: list[ClipTexts]):
    silent = [own._replace(parts=own.parts | {"audio": {}}) if row else own for row, own in enumerate(texts)]
    senses, generator = Senses(clips, silent, SENSE), torch.Generator().manual_seed(0)
    vas, avs = senses.draw(generator)
    assert vas.rows.tolist() == [0] * SENSE.batch
    assert len(set(avs.rows.tolist())) > 1
    with pytest.raises(ValueError, match="no clip has audio captions sft.sense.shift 5 intervals apart"):
        Senses(clips, texts, SENSE.model_copy(update={"shift": 5}))


def drawn(clips: Clips, texts: list[ClipTexts]) -> list[Task]:
    """The three tasks of a step: four clips are asked questions, four and four told of."""
    rows = torch.tensor([0, 3, 1, 5])
    asked = [[question.text for question in texts[row].questions][: 1 + number // 2] for number, row in enumerate(rows)]
    return [Task("answers", 1.0, rows, asked), *Senses(clips, texts, SENSE).draw(torch.Generator().manual_seed(3))]


def gradients(clips: Clips, tasks: list[Task], accumulation: int) -> dict[str, Any]:
    """Gradients of the loss after all pieces of this process, averaged over processes, and what was logged."""
    model = tiny_twins.model()
    compute = SFT.compute.model_copy(update={"accumulation": accumulation})
    processes = Processes(compute, batch=4, clip=1.0)
    optimiser = sft.Optimiser(
        [(sft.trained_weights(model).values(), 1e-3)], SFT.optimiser, steps=1, processes=processes
    )
    network = processes.wrap(sft.AtOnce(model), optimiser)
    logged: dict[str, float] = {}
    for loss in sft.losses(network, clips, tasks, processes, logged):
        processes.backward(loss)
    return {
        "logged": logged,
        "gradients": {n: w.grad.clone() for n, w in sft.trained_weights(model).items() if w.grad is not None},
    }


def by_hand(clips: Clips, tasks: list[Task]) -> tuple[dict[str, float], dict[str, Tensor]]:
    """L_SFT + 0.1 L_VAS + 0.3 L_AVS on the joint batch, each the mean over its own tokens."""
    model = tiny_twins.model()
    means = {}
    for task in tasks:
        scored = model(clips.batch(task.rows, task.given), task.asked)
        means[task.name] = answer_loss(scored.logits, scored.words)
        assert len(scored.words) == sum(len(text.answer) for own in task.asked for text in own)
    (means["answers"] + 0.1 * means["vas"] + 0.3 * means["avs"]).backward()
    found = {name: weight.grad for name, weight in sft.trained_weights(model).items() if weight.grad is not None}
    return {name: float(mean.detach()) for name, mean in means.items()}, found


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_gradients_of_pieces_and_processes_are_those_of_the_joint_batch(
    processes: int, accumulation: int, clips: Clips, texts: list[ClipTexts], tmp_path: Path
):
    """Sums in another order: within 1e-5 of gradients of size one. Pieces differ in words, or it would prove little."""
    tasks = drawn(clips, texts)
    for task in tasks:
        counts = [sum(len(text.answer) for text in own) for own in task.asked]
        assert sum(counts[:2]) != sum(counts[2:]), task.name
    means, expected = by_hand(clips, tasks)
    if processes == 1:
        parts = [gradients(clips, tasks, accumulation)]
    else:
        parts = together(2, lambda: gradients(clips, tasks, accumulation), tmp_path)
    for part in parts:
        assert part["logged"] == pytest.approx(means, abs=1e-5)
        assert part["gradients"].keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(part["gradients"][name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_hippo_sense_s_losses_stand_in_the_curve(clips: Clips, texts: list[ClipTexts], tmp_path: Path):
    settings = SFT.model_copy(update={"sense": SENSE, "steps": 2, "validate_every": 0})
    model = tiny_twins.model()
    processes = Processes(settings.compute, batch=settings.batch, clip=1.0)
    lesson = sft.Lesson(clips, texts)
    curve = sft.fit(model, lesson, None, settings, seed=0, state_file=tmp_path / "s.pt", processes=processes)
    for row in curve:
        assert row["loss"] == pytest.approx(row["answers"] + 0.1 * row["vas"] + 0.3 * row["avs"], abs=1e-5)


def test_a_batch_that_does_not_divide_is_refused(clips: Clips, texts: list[ClipTexts], tmp_path: Path):
    compute = SFT.compute.model_copy(update={"accumulation": 2})
    settings = SFT.model_copy(update={"sense": SENSE.model_copy(update={"batch": 3}), "compute": compute})
    processes = Processes(settings.compute, batch=settings.batch, clip=1.0)
    with pytest.raises(ValueError, match="sft.sense.batch 3 does not divide into 2 pieces"):
        sft.fit(
            tiny_twins.model(),
            sft.Lesson(clips, texts),
            None,
            settings,
            seed=0,
            state_file=tmp_path / "s.pt",
            processes=processes,
        )
