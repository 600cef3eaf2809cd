"""A checkpoint gives back the model that was saved, or says why it cannot."""

from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModelForImageTextToText, AutoTokenizer
from typer.testing import CliRunner

from codecsense.cli import app
from codecsense.clips import Clips
from codecsense.model import CodecSense
from codecsense.sequence import Text, pack
from codecsense.training import checkpoints
from codecsense.training.lora import add as add_lora


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


def trained(*loras: str, **changes: Any) -> CodecSense:
    """A model whose every weight of its own is another than the one it was drawn with."""
    model = tiny_twins.model(**changes)
    added = [weight for name in loras for weight in add_lora(model.host, name, tiny_twins.LORA, seed=0)]
    own = [weight for part in (model.adapter, model.audio) if part is not None for weight in part.parameters()]
    with torch.no_grad():
        for weight in [*own, *added]:
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())) * 0.3)
    return model


@torch.no_grad()
def scores(model: CodecSense, clips: Clips) -> Tensor:
    own = tiny_twins.texts(model)
    return model(clips.batch(torch.tensor([0, 1])), [[question.text for question in own[n].questions] for n in (0, 1)])[
        1
    ]


@pytest.mark.parametrize("loras", [(), ("sft",), ("sft", "policy")], ids=len)
def test_a_loaded_model_scores_as_the_saved_one(loras: tuple[str, ...], clips: Clips, tmp_path: Path):
    model = trained(*loras)
    assert not torch.allclose(scores(model, clips), scores(tiny_twins.model(), clips))
    checkpoints.save(model, tmp_path, notes={"stage": "test"})
    loaded = checkpoints.load(tmp_path, tiny_twins.host())
    assert torch.equal(scores(loaded, clips), scores(model, clips))
    assert not any(weight.requires_grad for weight in loaded.parameters())


def frozen(folder: Path, **changes: Any) -> Path:
    """What stage `host` leaves: the frozen host of `trained`."""
    tiny_twins.host(**changes).save(folder / "host")
    return folder


@pytest.mark.parametrize("name", sorted(tiny_twins.HOSTS))
def test_one_call_loads_a_trained_model_with_its_host(name: str, tmp_path: Path):
    model = trained("sft", host=tiny_twins.HOSTS[name])
    checkpoints.save(model, tmp_path / "checkpoint", notes={})
    weights = frozen(tmp_path / "weights", **tiny_twins.HOSTS[name])
    loaded = checkpoints.load_trained(tmp_path / "checkpoint", weights=weights)
    assert torch.equal(likely(loaded), likely(model))
    assert not loaded.training
    with pytest.raises(ValueError, match="stands on a tiny host; name the folder"):
        checkpoints.load_trained(tmp_path / "checkpoint")


@torch.no_grad()
def likely(model: CodecSense) -> Tensor:
    """What a model makes of a text and some motion."""
    text = Text([10, 11], [12])
    read = pack([model.start], [[text]], pad=model.host.tokenizer.pad_token_id)
    generator = torch.Generator().manual_seed(3)
    count = int((model.start.kinds == 1).sum())
    motion = torch.randn(1, int((model.start.kinds == 2).sum()), model.host.width, generator=generator)
    pictures = torch.randn(1, count, model.host.seen, generator=generator)
    return model.host.logits(read, pictures=pictures, injected=[(model.host.specials.motion_pad, motion)])


@pytest.mark.parametrize("name", sorted(tiny_twins.HOSTS))
def test_a_merged_model_is_plain_weights_of_the_hub_and_keeps_its_senses(name: str, tmp_path: Path):
    model = trained("sft", "policy", host=tiny_twins.HOSTS[name])
    checkpoints.save(model, tmp_path / "checkpoint", notes={})
    weights, merged = frozen(tmp_path / "weights", **tiny_twins.HOSTS[name]), tmp_path / "merged"
    command = ["merge", str(tmp_path / "checkpoint"), str(merged), "--weights", str(weights)]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    plain, ids = AutoModelForImageTextToText.from_pretrained(merged).eval(), torch.tensor([[10, 11, 12]])
    with torch.no_grad():
        expected = model.host.model(input_ids=ids).logits
        torch.testing.assert_close(plain(input_ids=ids).logits, expected, atol=1e-4, rtol=1e-4)
    assert len(AutoTokenizer.from_pretrained(merged)) == len(model.host.tokenizer)
    again = checkpoints.load_trained(merged)
    torch.testing.assert_close(likely(again), likely(model), atol=1e-4, rtol=1e-4)  # W x + B A x against (W + B A) x
    with model.host.untouched():
        assert not torch.allclose(likely(again), likely(model), atol=0.1), "the LoRAs must matter for this test"
    for kept, own in zip(checkpoints.senses(again).values(), checkpoints.senses(model).values(), strict=True):
        assert torch.equal(kept, own)
    assert CliRunner().invoke(app, command).exit_code == 1, "a folder that is there is not written over"


def test_a_host_is_not_written_whole_before_its_loras_are_merged(tmp_path: Path):
    with pytest.raises(ValueError, match=r"has LoRAs \(sft\); merge them first"):
        checkpoints.save(trained("sft"), tmp_path, notes={}, whole=True)
    with pytest.raises(ValueError, match="no LoRA to merge"):
        checkpoints.merge(trained())


def test_a_model_card_says_what_the_model_is_and_how_it_is_loaded(tmp_path: Path):
    checkpoints.save(trained("sft"), tmp_path, notes={"stage": "sft", "seed": 7})
    _, front, body = (tmp_path / checkpoints.CARD).read_text().split("---\n", 2)
    assert yaml.safe_load(front)["library_name"] == "peft"
    assert "42 tokens before the first word of a question, 12 of them motion and 6 sound" in body
    assert "made by: stage sft, seed 7" in body
    assert "load_trained" in body
    assert "mv, residual, context from the codec; sound" in body


def test_the_host_s_own_weights_are_not_copied(tmp_path: Path):
    checkpoints.save(trained("sft"), tmp_path, notes={})
    host = sum(weight.numel() * 4 for weight in tiny_twins.host().parameters())
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors")) < host
    saved = load_file(tmp_path / checkpoints.SENSES)
    assert {name.split(".")[0] for name in saved} == {"adapter", "audio"}


def test_names_of_saved_weights_are_a_promise():
    """Renaming a layer makes every checkpoint unreadable; change this list only with a way to read old ones."""
    assert sorted(checkpoints.senses(tiny_twins.model(adapter__streams=["mv", "context"]))) == [
        "adapter.branches.context.layers.bias",
        "adapter.branches.context.layers.weight",
        "adapter.branches.mv.over_time.1.bias",
        "adapter.branches.mv.over_time.1.weight",
        "adapter.branches.mv.over_time.3.bias",
        "adapter.branches.mv.over_time.3.weight",
        "adapter.branches.mv.window.bias",
        "adapter.branches.mv.window.weight",
        "adapter.fusions.0.gate.bias",
        "adapter.fusions.0.gate.weight",
        "adapter.interval",
        "adapter.norm.bias",
        "adapter.norm.weight",
        "adapter.project.bias",
        "adapter.project.weight",
        "adapter.scale",
        "adapter.skip",
        "adapter.slot",
        "audio.connector.0.bias",
        "audio.connector.0.weight",
        "audio.connector.1.bias",
        "audio.connector.1.weight",
        "audio.connector.3.bias",
        "audio.connector.3.weight",
        "audio.connector.4.bias",
        "audio.connector.4.weight",
        "audio.interval",
        "audio.scale",
    ]


def test_senses_of_other_sizes_are_refused_by_name(tmp_path: Path):
    file = tmp_path / checkpoints.SENSES
    save_file(checkpoints.senses(tiny_twins.model(adapter__width=16)), file)
    with pytest.raises(ValueError, match=r"adapter\.\S+ is \(.*\), this model has \("):
        checkpoints.load_senses(tiny_twins.model(), file)


def test_senses_of_another_model_are_refused_by_name(tmp_path: Path):
    file, model = tmp_path / checkpoints.SENSES, tiny_twins.model()
    save_file(checkpoints.senses(tiny_twins.model(adapter__streams=["mv"])), file)
    before = {name: weight.clone() for name, weight in checkpoints.senses(model).items()}
    with pytest.raises(ValueError, match=r"other weights than this model.*adapter.branches.context"):
        checkpoints.load_senses(model, file)
    assert all(torch.equal(weight, before[name]) for name, weight in checkpoints.senses(model).items())


def test_a_refused_file_leaves_the_model_as_it_was(tmp_path: Path):
    file, model = tmp_path / checkpoints.SENSES, tiny_twins.model()
    saved = {name: weight + 1 for name, weight in checkpoints.senses(model).items()}
    last = sorted(saved)[-1]
    save_file(saved | {last: torch.zeros(3, 3)}, file)
    before = {name: weight.clone() for name, weight in checkpoints.senses(model).items()}
    with pytest.raises(ValueError, match=last):
        checkpoints.load_senses(model, file)
    assert all(torch.equal(weight, before[name]) for name, weight in checkpoints.senses(model).items())


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"is not a checkpoint: it has no model.json"):
        checkpoints.load(tmp_path, tiny_twins.host())


def test_a_host_of_another_width_is_refused(tmp_path: Path):
    """It used to fail with a page of LoRA shapes, or without LoRA inside the first answer."""
    checkpoints.save(trained("sft"), tmp_path, notes={})
    wider = tiny_twins.host(tiny=tiny_twins.HOSTS["qwen2_5_vl"]["tiny"] | {"width": 32})
    with pytest.raises(ValueError, match="made for a host of width 24, not 32"):
        checkpoints.load(tmp_path, wider)


def test_a_checkpoint_brings_its_own_settings_along(tmp_path: Path):
    model = tiny_twins.model(adapter__streams=["mv"], audio__tokens=0)
    checkpoints.save(model, tmp_path, notes={})
    settings, shapes, sound_width = checkpoints.describe(tmp_path)
    assert settings == model.settings
    assert shapes == model.shapes
    assert sound_width == 0
    loaded = checkpoints.load(tmp_path, tiny_twins.host())
    assert loaded.audio is None
    assert isinstance(loaded.adapter, nn.Module)
