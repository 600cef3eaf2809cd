"""A training step of a Mamba-2 block, against a GRU and a transformer layer of equal width, in one run.

    python speed/adapter_step.py [--width 768] [--steps 64 256 1024] [--batch 7]

Forward and backward in single precision on one thread, the best of several rounds that take turns. A transformer
layer has a feed-forward part of four widths, and reads only backwards, as the other two do. Beside the times stand the
weights, which are not equal. The chunked scan must beat the naive recurrence, which is timed at the shortest length.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from codecsense.adapter.mamba2 import Mamba2Block, Mamba2Size, scan

SIZE = Mamba2Size(expand=2, head=64, state=128, window=4, chunk=64)
ROUNDS = 3


class Recurrent(nn.Module):
    """A GRU that gives states only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.GRU(width, width, batch_first=True)

    def forward(self, states: Tensor) -> Tensor:
        said: Tensor = self.layer(states)[0]
        return said


class Causal(nn.Module):
    """A transformer layer that reads backwards only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(width, width // 64, 4 * width, 0.0, batch_first=True, norm_first=True)

    def forward(self, states: Tensor) -> Tensor:
        length = states.shape[1]
        mask = torch.ones(length, length, dtype=torch.bool).triu(1)
        said: Tensor = self.layer(states, src_mask=mask, is_causal=True)
        return said


def main() -> None:
    """Print seconds per step and their ratios; the exit code says whether chunks beat one step after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--batch", type=int, default=7)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers = {
        "mamba-2": Mamba2Block(width=wanted.width, size=SIZE),
        "gru": Recurrent(wanted.width),
        "transformer": Causal(wanted.width),
    }
    weights = {name: sum(w.numel() for w in layer.parameters()) / 1e6 for name, layer in layers.items()}
    print(", ".join(f"{name} {count:.2f} M weights" for name, count in weights.items()))
    for length in wanted.steps:
        states = torch.randn(wanted.batch, length, wanted.width)
        best = raced({name: partial(stepped, layer, states) for name, layer in layers.items()})
        ours = best["mamba-2"]
        rivals = ", ".join(
            f"{name} {best[name] * 1e3:.0f} ms ({ours / best[name]:.2f})" for name in ("gru", "transformer")
        )
        print(f"{wanted.batch} x {length}: mamba-2 {ours * 1e3:.0f} ms; {rivals}")
    ratio = against_recurrence(min(wanted.steps), wanted.width, wanted.batch)
    print(f"the scan in chunks takes {ratio:.2f} of the naive recurrence at {min(wanted.steps)} steps")
    sys.exit(ratio >= 1)


def stepped(layer: nn.Module, states: Tensor) -> None:
    """Forward and backward once."""
    layer.zero_grad()
    layer(states).square().mean().backward()


def raced(runners: dict[str, Callable[[], None]]) -> dict[str, float]:
    """The best CPU seconds of each, in rounds in which all take turns."""
    best = dict.fromkeys(runners, float("inf"))
    for _ in range(ROUNDS):
        for name, runner in runners.items():
            started = time.process_time()
            runner()
            best[name] = min(best[name], time.process_time() - started)
    return best


def against_recurrence(length: int, width: int, batch: int) -> float:
    """Seconds of the chunked scan over those of one step after the other, forward and backward."""
    heads = SIZE.expand * width // SIZE.head
    inputs = torch.randn(batch, length, heads, SIZE.head, requires_grad=True)
    decay = -torch.rand(batch, length, heads)
    write, read = torch.randn(2, batch, length, SIZE.state)

    def naive() -> None:
        state, said = inputs.new_zeros(batch, heads, SIZE.head, SIZE.state), []
        for step in range(length):
            state = (
                decay[:, step].exp()[..., None, None] * state + inputs[:, step, :, :, None] * write[:, step, None, None]
            )
            said.append((state * read[:, step, None, None]).sum(-1))
        torch.stack(said, 1).square().mean().backward()

    def chunked() -> None:
        scan(inputs, decay, write, read, chunk=SIZE.chunk).square().mean().backward()

    best = raced({"chunked": chunked, "naive": naive})
    return best["chunked"] / best["naive"]


if __name__ == "__main__":
    main()
