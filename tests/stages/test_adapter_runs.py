"""Each line of profiles/adapter_runs.yaml, put under `runs:`, is a run of the micro world whose adapter learns."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from codecsense import config
from codecsense.adapter import Shapes, TriStream
from codecsense.clips import Batch
from codecsense.model import CodecSense, Model
from codecsense.sequence import Text
from codecsense.texts import WORDS
from codecsense.training.losses import answer_loss
from stages import params

ROOT = Path(__file__).parents[2]
RUNS: dict[str, Any] = config.read(ROOT / "profiles/adapter_runs.yaml")
SMALL_HOST = {
    "patch_px": 12,
    "vision_width": 16,
    "vision_layers": 1,
    "width": 32,
    "mlp_width": 64,
    "layers": 1,
    "heads": 2,
}
STEPS = 30


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Section `model` of every run, laid over the shipped params.yaml as any run is; only the host is made smaller."""
    values = config.read(ROOT / "params.yaml")
    values["model"]["host"]["tiny"] |= SMALL_HOST
    values["runs"] |= RUNS
    values["evaluated"] += list(RUNS)
    file = tmp_path_factory.mktemp("params") / "params.yaml"
    file.write_text(yaml.safe_dump(values))
    return {run: params.load(file, run).model for run in RUNS}


def built(model: Model) -> CodecSense:
    with torch.random.fork_rng():
        host = model.host.build(words=sorted({*WORDS, "left", "right"}), seed=0)
    shapes = Shapes(intervals=3, maps=15, rows=12, patches=16, inner=3, host_width=host.width)
    return model.build(host, shapes, sound_width=4, seed=0)


def clips_that_differ_in_motion_alone(width: int) -> Batch:
    """Two clips of the micro world's sizes: the same pictures, opposite pans, and residuals in one alone."""
    draw = torch.Generator().manual_seed(0)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(1, *shape, generator=draw).expand(2, *shape)

    way = torch.tensor([1.0, -1.0])[:, None, None, None, None, None]
    tower = numbers(13, 16, width)
    inner = tower[:, :-1].unflatten(1, (3, 4))
    tri = TriStream(
        mv=way.expand(2, 3, 15, 2, 12, 12) * 0.5,
        residual=(way + 1).expand(2, 3, 15, 1, 12, 12) * 2.0,
        mask=(numbers(3, 15) < 1.0).clone(),
        context=inner[:, :, 0],
        frames=inner[:, :, 1:],
        pictures=(numbers(3, 96, 96, 3) * 64 + 128).clamp(0, 255).byte(),
    )
    return Batch(tower=tower, tri=tri, sound=torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("run", RUNS)
def test_the_adapter_learns_what_only_motion_tells(run: str, resolved: dict[str, Model]):
    """The loss must fall below that of a guess, ln 2: the two clips differ in nothing but their codec maps."""
    model = built(resolved[run])
    left, right = model.host.tokenizer.convert_tokens_to_ids(["left", "right"])
    texts = [[Text(prompt=[right], answer=[answer])] for answer in (left, right)]
    batch = clips_that_differ_in_motion_alone(model.host.width)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(STEPS):
        scored = model(batch, texts)
        loss = answer_loss(scored.logits, scored.words)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if losses[-1] < 0.3:
            break
    assert losses[-1] < 0.5 < losses[0], f"{losses[0]:.2f} -> {losses[-1]:.2f}"
