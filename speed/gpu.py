"""What the model costs at full size on the GPU that is here, with random weights: times do not depend on the numbers.

    python speed/gpu.py [--profile qwen2_5_vl_7b] [--frames 1500]
    python speed/gpu.py --rehearse    (the tiny model of params.yaml on a CPU: shows that it runs, measures nothing)

Milliseconds are medians over rounds after warm-up, with the device waited for; memory is the peak that PyTorch
allocated. Three tables: the motion adapter beside the host's own tower on 24 frames; a step of Stage 2 (LoRA, bf16,
recomputed activations, one clip at a time); the time to the first token of an answer about a real H.264 file, from 32
dense frames against anchors and motion, decoding and extraction included on both sides.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import av
import clips as made
import numpy as np
import torch
import yaml
from torch import nn

from codecsense.adapter import Shapes, TriStream
from codecsense.clips import Batch, squared
from codecsense.codecs import Grid
from codecsense.model import CodecSense, Model
from codecsense.sequence import Text
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.tristream import extract_video
from codecsense.training import sft
from codecsense.training.estimate import architecture_of
from codecsense.training.hippo_sense import Task
from codecsense.training.processes import Processes
from codecsense.training.schedule import Optimiser
from flows import profile

ROOT = Path(__file__).parents[1]
ROUNDS, WARM_UP = 7, 2
TOWER_FRAMES, DENSE_FRAMES = 24, 32
QUESTION, ANSWER = list(range(20, 60)), list(range(60, 70))  # as many tokens as a question and an answer have


class Sizes(NamedTuple):
    """What the profile asks for."""

    model: Model
    extract: ExtractConfig
    stage_2: sft.SFT


def sizes(name: str | None) -> Sizes:
    """The sections of params.yaml, with a profile laid over them if one is named."""
    file = ROOT / "params.yaml"
    text = file.read_text() if name is None else profile.laid_over(name, file, ROOT / "profiles")
    values = yaml.safe_load(text)
    return Sizes(
        Model.model_validate(values["model"]),
        ExtractConfig.model_validate(values["extract"]),
        sft.SFT.model_validate(values["sft"] | {"batch": 1, "questions": {"hidden": 1}, "captions": {}}),
    )


def built(chosen: Sizes, device: torch.device) -> CodecSense:
    """The whole model with random weights on the device, nothing read from disk or hub."""
    if chosen.model.host.weights == "tiny":
        host = chosen.model.host.build(words=[f"word{number}" for number in range(100)], seed=0)
    else:
        host = chosen.model.host.outline(architecture_of(chosen.model.host.weights, ROOT / "profiles/architectures"))
        draw(host, device)
    network = chosen.model.build(host, shapes(chosen, host), sound_width=host.width, seed=0)
    return network.to(device)


def shapes(chosen: Sizes, host: Any) -> Shapes:
    """The sizes that the extraction gives."""
    return Shapes(
        intervals=chosen.extract.anchors.count - 1,
        maps=chosen.extract.maps_per_interval,
        rows=chosen.extract.grid.rows,
        patches=(chosen.model.host.picture_px // host.block_px) ** 2,
        inner=0,
        host_width=host.width,
    )


def draw(module: nn.Module, device: torch.device) -> None:
    """Give every weight that was only outlined numbers on the device, and every table of positions some number."""
    generator = torch.Generator(device).manual_seed(0)
    for part in module.modules():
        for name, weight in list(part.named_parameters(recurse=False)):
            drawn = torch.empty(weight.shape, dtype=weight.dtype, device=device).normal_(0, 0.02, generator=generator)
            setattr(part, name, nn.Parameter(drawn, requires_grad=False))
        for name, buffer in list(part.named_buffers(recurse=False)):
            filled = torch.full(buffer.shape, 0.01, dtype=buffer.dtype, device=device) if buffer.is_meta else buffer
            setattr(part, name, filled.to(device))


def batch(network: CodecSense, chosen: Sizes, device: torch.device) -> Batch:
    """One clip of random numbers."""
    size, side = network.shapes, chosen.model.host.picture_px
    maps = (1, size.intervals, size.maps)
    tower = torch.randn(1, size.intervals + 1, size.patches, size.host_width, device=device)
    tri = TriStream(
        mv=torch.randn(*maps, 2, size.rows, size.rows, device=device),
        residual=torch.randn(*maps, 1, size.rows, size.rows, device=device),
        mask=torch.ones(maps, dtype=torch.bool, device=device),
        context=tower[:, :-1],
        frames=tower[:, :-1, None][:, :, :0],
        pictures=torch.randint(0, 256, (1, size.intervals, side, side, 3), dtype=torch.uint8, device=device),
    )
    sound = torch.zeros(1, size.intervals, chosen.model.audio.pieces, network.shapes.host_width, device=device)
    return Batch(tower=tower, tri=tri, sound=sound)


def milliseconds(run: Callable[[], object]) -> float:
    """The median time of a call, the device waited for."""
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        started = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[WARM_UP:])


@contextmanager
def computing(device: torch.device) -> Iterator[None]:
    """Without gradients, in the precision of the tables."""
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        yield


def senses(network: CodecSense, chosen: Sizes, device: torch.device) -> None:
    """The adapter on all intervals of a clip, and the tower on 24 frames."""
    assert network.adapter is not None
    clip, side = batch(network, chosen, device), chosen.model.host.picture_px
    frames = torch.randint(0, 256, (TOWER_FRAMES, side, side, 3), dtype=torch.uint8)
    with computing(device):
        ours = milliseconds(lambda: network.adapter(clip.tri))
        tower = milliseconds(lambda: network.host.encode_pictures(frames))
    print(f"motion adapter, {network.shapes.intervals} intervals      {ours:9.1f} ms")
    print(f"host's tower, {TOWER_FRAMES} frames of {side} px   {tower:9.1f} ms  ({tower / ours:.1f} times the adapter)")


def first_token(network: CodecSense, chosen: Sizes, device: torch.device, video: Path) -> None:
    """From a file on disk to the first token of an answer."""
    dense_settings = chosen.model.model_copy(
        update={"adapter": chosen.model.adapter.model_copy(update={"streams": []})}
    )
    dense_shapes = network.shapes._replace(intervals=DENSE_FRAMES - 1)
    dense = dense_settings.build(network.host, dense_shapes, sound_width=1, seed=0).to(device)
    with computing(device):
        ours = milliseconds(lambda: answer(network, chosen, device, streams(chosen, video)))
        theirs = milliseconds(lambda: answer(dense, chosen, device, frames_of(video, DENSE_FRAMES)))
    for name, model, taken in ((f"{DENSE_FRAMES} dense frames", dense, theirs), ("anchors and motion", network, ours)):
        print(f"first token, {name:20s} {taken:9.1f} ms, {model.context_tokens} tokens of context")
    print(f"  {theirs / ours:.2f} times as fast")


def streams(chosen: Sizes, video: Path) -> Any:
    """Anchors and maps of a file, as the stage `extract` takes them."""
    grid = Grid(chosen.extract.grid.rows, chosen.extract.grid.columns)
    backend = chosen.extract.codec.build(grid=grid, residual=chosen.extract.residual, route="native")
    return extract_video(video, chosen.extract, backend, 0).streams


def frames_of(video: Path, count: int) -> np.ndarray:
    """Frames at equal distances, decoded as a loader of frames does."""
    with av.open(str(video)) as container:
        total = container.streams.video[0].frames
        wanted = set(np.linspace(0, total - 1, count).round().astype(int).tolist())
        found = enumerate(container.decode(video=0))
        return np.stack([frame.to_ndarray(format="rgb24") for number, frame in found if number in wanted])


def answer(network: CodecSense, chosen: Sizes, device: torch.device, given: Any) -> None:
    """The first token, from pictures alone or from streams."""
    side, size = chosen.model.host.picture_px, network.shapes
    pictures = torch.from_numpy(given if isinstance(given, np.ndarray) else given.anchors)
    tower = network.host.encode_pictures(squared(pictures, side))[None].float()
    empty = torch.zeros(1, size.intervals, 0, 0, 0, 0, device=device)
    tri = TriStream(
        empty, empty, torch.ones(1, size.intervals, 0, dtype=torch.bool), tower[:, :-1], tower[:, :-1, None]
    )
    if network.adapter is not None:
        tri = TriStream(
            mv=torch.from_numpy(given.mv)[None].to(device).float(),
            residual=torch.from_numpy(given.residual)[None].to(device).float(),
            mask=torch.from_numpy(given.map_mask)[None].to(device),
            context=tower[:, :-1],
            frames=tower[:, :-1, None][:, :, :0],
            pictures=pictures[None, :-1].to(device),
        )
    clip = Batch(tower=tower, tri=tri, sound=torch.zeros(1, size.intervals, 0, 0, device=device))
    network.generate(clip, [QUESTION], max_new_tokens=1)


def teaching(network: CodecSense, chosen: Sizes, device: torch.device) -> None:
    """A step of Stage 2 with cached vision features, and its memory."""
    settings = chosen.stage_2
    processes = Processes(settings.compute, batch=1, clip=settings.optimiser.clip)
    tuned = sft.tune(network.host, settings, 0)
    parts = [part for part in (network.adapter, network.audio) if part is not None]
    own = [weight for part in parts for weight in part.parameters()]
    groups = [(tuned, settings.lora_learning_rate), (own, settings.senses_learning_rate)]
    optimiser = Optimiser(groups, settings.optimiser, steps=1000, processes=processes)
    wrapped, clip = processes.wrap(sft.AtOnce(network), optimiser), batch(network, chosen, device)

    class Same:
        def batch(self, rows: torch.Tensor, given: None = None) -> Batch:
            return clip

    task = Task("answers", 1.0, torch.tensor([0]), [[Text(QUESTION, ANSWER)]])
    with sft.recomputed(network.host):
        taken = milliseconds(lambda: optimiser.step(sft.losses(wrapped, Same(), [task], processes, {})))
    print(f"Stage 2, a step of one clip       {taken:9.1f} ms, {network.context_tokens} tokens of context")
    if torch.cuda.is_available():
        print(f"  peak memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def main() -> None:
    """Measure and print, with the name of the device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="qwen2_5_vl_7b")
    parser.add_argument("--frames", type=int, default=1500, help="of the 720p file")
    parser.add_argument("--rehearse", action="store_true", help="on a CPU, with the tiny model")
    asked = parser.parse_args()
    if not asked.rehearse and not torch.cuda.is_available():
        parser.error("PyTorch finds no CUDA device here, and times of a CPU would say nothing about a GPU")
    device = torch.device("cpu" if asked.rehearse else "cuda")
    where = "rehearsal on a CPU" if asked.rehearse else f"{torch.cuda.get_device_name()}, profile {asked.profile}"
    print(f"{where}, PyTorch {torch.__version__}, random weights")
    chosen = sizes(None if asked.rehearse else asked.profile)
    network = built(chosen, device)
    video = made.h264(width=1280, height=720, num_frames=asked.frames)
    senses(network, chosen, device)
    first_token(network, chosen, device, video)
    teaching(network, chosen, device)


if __name__ == "__main__":
    main()
