"""Replies per second of rollouts as reinforcement draws them, against a naive generate() for every sample.

    python speed/rollouts.py [--prompts 16] [--samples 8] [--rounds 3]

Naive is what a program around transformers does first: every sample is a row of its own, whose anchors go through the
tower again and whose prompt is read again. Ours takes what the tower once said, reads senses and prompt once per
prompt, and repeats its keys and values. Model and prompts are those of the micro world, with random weights; replies
run to their full length in both. Greedy replies are compared first: they must be the same. Less than 2 times the naive
rate would break the promise. With `--weights data/host` the host is the taught one, whose replies end.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from codecsense import texts
from codecsense.adapter import Shapes, TriStream
from codecsense.clips import Batch
from codecsense.model import CodecSense
from stages import params

PARAMS = Path(__file__).parents[1] / "params.yaml"
PROMISED = 2.0
SEEN = "one swing left 2 ; two still _ _ ; three orbit cw _"
ASKED = texts.reason_prompt("which way did red swing while the tone was high ?", SEEN, "high in part one")
NEW_TOKENS = 22


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"prompts": 16, "samples": 8, "rounds": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--weights", type=Path, help="a taught host, such as data/host")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    model = built(wanted.weights)
    pictures, clips = shown(model, wanted.prompts)
    prompt = texts.Encoder(model.host.tokenizer)(ASKED)

    def ours(samples: int, temperature: float, seed: int) -> Tensor:
        return model.generate(
            clips,
            [prompt] * wanted.prompts,
            max_new_tokens=NEW_TOKENS,
            samples=samples,
            temperature=temperature,
            seed=seed,
        )

    def naive(samples: int, temperature: float, seed: int) -> Tensor:
        return one_by_one(model, repeated(clips, samples), pictures, prompt, samples, temperature, seed)

    if not torch.equal(ours(1, 0.0, 0), naive(1, 0.0, 0)):
        sys.exit("the two say different things, so their speeds cannot be compared")
    took = {"naive": float("inf"), "ours": float("inf")}
    for number in range(wanted.rounds):
        for name, run in {"naive": naive, "ours": ours}.items():
            took[name] = min(took[name], seconds(lambda run=run, number=number: run(wanted.samples, 1.0, number)))
    replies = wanted.prompts * wanted.samples
    for name, spent in took.items():
        print(f"{name}: {replies / spent:.1f} replies per CPU second, {replies} replies of {wanted.prompts} prompts")
    ratio = took["naive"] / took["ours"]
    print(f"ours is {ratio:.2f} times as fast; promised {PROMISED}")
    sys.exit(ratio < PROMISED)


def built(weights: Path | None) -> CodecSense:
    """The model of the run `audio`, untaught, on the taught host or on one as it is drawn."""
    settings = params.load(PARAMS, "audio").model
    words = sorted({*texts.WORDS, *ASKED.split()})
    host = settings.host.load(weights / "host") if weights else settings.host.build(words=words, seed=0)
    patches = (settings.host.picture_px // host.block_px) ** 2
    shapes = Shapes(intervals=3, maps=15, rows=12, patches=patches, inner=3, host_width=host.width)
    return settings.build(host, shapes, sound_width=64, seed=0).eval()


def shown(model: CodecSense, count: int) -> tuple[Tensor, Batch]:
    """Anchors as pictures, and clips with what the tower says of them."""
    shapes, side = model.shapes, model.host.settings.picture_px
    draw = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (count, shapes.intervals + 1, side, side, 3), generator=draw).byte()
    tower = torch.randn(count, shapes.intervals * 4 + 1, shapes.patches, shapes.host_width, generator=draw)
    with torch.no_grad():
        tower[:, ::4] = model.host.encode_pictures(pictures.flatten(0, 1)).unflatten(0, (count, -1))
    inner = tower[:, :-1].unflatten(1, (shapes.intervals, 4))
    grid = (shapes.rows, shapes.rows)
    tri = TriStream(
        mv=torch.randn(count, shapes.intervals, shapes.maps, 2, *grid, generator=draw),
        residual=torch.randn(count, shapes.intervals, shapes.maps, 1, *grid, generator=draw),
        mask=torch.ones(count, shapes.intervals, shapes.maps, dtype=torch.bool),
        context=inner[:, :, 0],
        frames=inner[:, :, 1:],
    )
    return pictures, Batch(tower=tower, tri=tri, sound=torch.randn(count, shapes.intervals, 4, 64, generator=draw))


def repeated(clips: Batch, samples: int) -> Batch:
    """Every clip as often as it is sampled."""
    tri = TriStream(*(None if array is None else array.repeat_interleave(samples, 0) for array in clips.tri))
    again = {name: getattr(clips, name).repeat_interleave(samples, 0) for name in ("tower", "sound")}
    return clips._replace(tri=tri, **again)


@torch.no_grad()
def one_by_one(
    model: CodecSense, clips: Batch, pictures: Tensor, prompt: list[int], samples: int, temperature: float, seed: int
) -> Tensor:
    """Every sample as a row of its own through transformers' generate, its anchors through the tower again."""
    anchors = pictures.repeat_interleave(samples, 0)
    seen = model.host.encode_pictures(anchors.flatten(0, 1)).unflatten(0, (len(anchors), -1)).flatten(1, 2)
    _, injected = model.senses(clips)
    return model.host.generate(
        [torch.tensor(prompt)] * len(anchors),
        [model.start] * len(anchors),
        grid=model.layout.grid,
        pictures=seen,
        injected=injected,
        max_new_tokens=NEW_TOKENS,
        samples=1,
        temperature=temperature,
        seed=seed,
    )


def seconds(run: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
