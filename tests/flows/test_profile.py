"""Profiles of full-size hosts: params.yaml takes them on, each can be built, and its tiny twin takes every step."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tiny_twins
import torch
from torch import nn
from typer.testing import CliRunner

from codecsense import config
from codecsense.cli import app
from codecsense.clips import Clips, Features
from codecsense.model import Model
from codecsense.sequence import Text
from codecsense.texts import WORDS
from codecsense.training import align, estimate
from codecsense.training.lora import add as add_lora
from codecsense.training.losses import answer_loss
from codecsense.training.processes import Compute, Processes
from flows import profile
from stages import params

ROOT = Path(__file__).parents[2]
PROFILES = ROOT / "profiles"
HOSTS = {  # each profile's host in billions of weights, as the hub's page states them
    "qwen2_5_vl_7b": 8.29,
    "qwen3_vl_8b": 8.77,
    "internvl3_8b": 7.94,
    "llava_ov_7b": 8.03,
}
QUICK = "qwen3_vl_8b"  # the one with the most parts is built at every run of the tests, and Qwen2.5-VL by the estimate
CLIPS, INTERVALS, MAPS, ROWS = 2, 7, 64, 16  # the last three as in profiles/full_size.yaml


@pytest.fixture(scope="module", params=HOSTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def switched(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """params.yaml as the command leaves it."""
    file = tmp_path_factory.mktemp(name) / "params.yaml"
    shutil.copy(ROOT / "params.yaml", file)
    profile.switch(name, file, PROFILES)
    return file


@pytest.fixture(scope="module")
def settings(switched: Path) -> params.Params:
    return params.load(switched)


def test_every_profile_with_a_host_is_tested_here():
    assert {file.stem for file in PROFILES.glob("*.yaml") if "model.host.weights" in config.read(file)} == set(HOSTS)


def test_a_profile_changes_what_it_names_and_keeps_comments(switched: Path, name: str):
    before, after = config.read(ROOT / "params.yaml"), config.read(switched)
    wanted = dict(profile.differences(name, PROFILES))
    for dotted, value in wanted.items():
        found: Any = after
        for key in dotted.split("."):
            found = found[key]
        assert found == value, dotted
    named = {dotted.split(".")[0] for dotted in wanted}
    assert {key: value for key, value in after.items() if key not in named} == {
        key: value for key, value in before.items() if key not in named
    }
    shipped = [line for line in (ROOT / "params.yaml").read_text().splitlines() if line.startswith("#")]
    assert shipped
    assert set(shipped) <= set(switched.read_text().splitlines())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sft.stepps: 3\n", "`sft.stepps` names a key that params.yaml does not have"),
        ("sft.steps: many\n", "sft.steps"),
        ("from: nowhere\n", "no profile `nowhere`; there are: broken"),
        ("- 1\n", "must hold dotted keys"),
    ],
)
def test_a_profile_that_does_not_fit_leaves_params_as_they_were(text: str, message: str, tmp_path: Path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/broken.yaml").write_text(text)
    file = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", file)
    with pytest.raises(ValueError, match=message):
        profile.switch("broken", file, tmp_path / "profiles")
    assert file.read_text() == (ROOT / "params.yaml").read_text()
    assert {each.name for each in tmp_path.iterdir()} == {"profiles", "params.yaml"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == QUICK else pytest.mark.slow) for name in HOSTS], indirect=True
)
def test_a_profile_builds_at_full_size_without_memory(name: str, settings: params.Params):
    architecture = estimate.architecture_of(settings.model.host.weights, PROFILES / "architectures")
    network = estimate.outline(settings.model, settings.extract, architecture)
    assert {weight.device.type for weight in network.parameters()} == {"meta"}
    assert round(count(network.host) / 1e9, 2) == HOSTS[name]
    assert network.adapter is not None
    adapter = count(network.adapter)
    assert 80e6 < adapter < 95e6
    assert int((network.start.kinds == 2).sum()) == INTERVALS * 64
    assert int((network.start.kinds == 1).sum()) == 8 * network.shapes.patches
    lora = add_lora(network.host, "sft", settings.sft.lora, seed=0)
    assert 80e6 < sum(weight.numel() for weight in lora) < 90e6


def test_the_estimate_counts_what_one_counts_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """8 pictures of 37 x 37 tokens and two around each, 7 x 64 of motion, 100 of text; 32 pictures for the rival."""
    file = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", file)
    profile.switch("qwen2_5_vl_7b", file, PROFILES)
    monkeypatch.chdir(ROOT)
    command = ["estimate", "--params", str(file), "--text", "100", "--gpus", "8", "--zero", "3"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    for told in ("11516", "10968", "448", "43972 (3.8 times)", "8.29 G"):
        assert told in result.output, told
    assert CliRunner().invoke(app, [*command[:-1], "1"]).exit_code == 1


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_a_tiny_twin_of_a_profile_takes_a_step_of_every_kind(settings: params.Params):
    model, align_settings, sft = shrunk(settings.model), settings.align, settings.sft
    host = model.host.build(words=sorted({*WORDS, "left", "right"}), seed=0)
    clips = made_up_clips(host.width, host.seen, patches=(model.host.picture_px // host.block_px) ** 2)
    network = model.build(host, clips.shapes, sound_width=4, seed=0)
    for weight in host.parameters():
        weight.requires_grad_(False)
    assert network.adapter is not None
    head = network.adapter.head(temperature=align_settings.temperature)
    processes = Processes(Compute(device="cpu", precision="fp32"), batch=CLIPS, clip=1.0)
    aligner = align.Aligner(network.adapter, head, align_settings)
    generator = torch.Generator().manual_seed(0)
    compared = align.compare(aligner, clips, torch.arange(CLIPS), align_settings, generator, processes)
    loss, _ = align.loss_of(compared, align_settings)
    loss.backward()
    assert loss.isfinite()
    assert gradients(head) > 0
    network.adapter.adopt(head)
    lora = add_lora(host, "sft", sft.lora, seed=0)
    network.adapter.zero_grad()
    left, right = host.tokenizer.convert_tokens_to_ids(["left", "right"])
    texts = [[Text(prompt=[right], answer=[answer])] for answer in (left, right)]
    batch = clips.batch(torch.arange(CLIPS))
    scored = network(batch, texts)
    loss = answer_loss(scored.logits, scored.words)
    loss.backward()
    assert loss.isfinite()
    assert gradients(network.adapter) > 0
    assert any(weight.grad is not None and weight.grad.any() for weight in lora)
    said = network.generate(batch, [[right]] * CLIPS, max_new_tokens=2, samples=settings.vanao.samples, temperature=1.0)
    assert len(said) == CLIPS * settings.vanao.samples


def gradients(module: nn.Module) -> float:
    return sum(float(weight.grad.abs().sum()) for weight in module.parameters() if weight.grad is not None)


def shrunk(model: Model) -> Model:
    """The same model with every size a laptop's: what is chosen stays, how large it is does not."""
    values = model.model_dump()
    tiny = tiny_twins.HOSTS["qwen2_5_vl"]["tiny"]
    values["host"] |= {"weights": "tiny", "picture_px": 16, "tiny": tiny}
    encoder = values["adapter"]["encoder"]
    encoder["tokeniser"] |= {"widths": [8, 16], "blocks": [1, 1], "map_px": 16, "picture_px": 16, "heads": 2}
    encoder |= {"layers": 1, "ssm": encoder["ssm"] | {"head": 8, "state": 4}, "heads": 2}
    values["adapter"] |= {"width": 16, "head": values["adapter"]["head"] | {"between": 24}}
    values["audio"]["encoder"]["weights"] = "tiny"
    return Model.model_validate(values)


class MadeUp:
    """A store of arrays that were never on disk."""

    def __init__(self) -> None:
        self.index = pl.DataFrame({"video_id": tiny_twins.ids(CLIPS)})
        draw = np.random.default_rng(0)
        self.arrays = {
            "mv": draw.standard_normal((CLIPS, INTERVALS, MAPS, 2, ROWS, ROWS)).astype(np.float32),
            "residual": draw.random((CLIPS, INTERVALS, MAPS, 1, ROWS, ROWS)).astype(np.float32),
            "map_mask": np.ones((CLIPS, INTERVALS, MAPS), bool),
            "anchors": draw.integers(0, 256, (CLIPS, INTERVALS + 1, 16, 16, 3), dtype=np.uint8),
            "frames": np.zeros((CLIPS, INTERVALS, 0, 16, 16, 3), np.uint8),
        }

    def get(self, name: str, video_id: str) -> np.ndarray:
        return self.arrays[name][self.index["video_id"].to_list().index(video_id)]

    def stack(self, name: str, video_ids: list[str]) -> np.ndarray:
        return np.stack([self.get(name, video_id) for video_id in video_ids])


def made_up_clips(width: int, seen: int, *, patches: int) -> Clips:
    draw = torch.Generator().manual_seed(0)
    said = torch.randn(CLIPS, INTERVALS + 1, patches, seen, generator=draw)
    features = Features.of(said, torch.zeros(CLIPS, INTERVALS, 4, 4), host_width=width)
    return Clips(tiny_twins.ids(CLIPS), features, MadeUp())
