"""Peak memory and time of injecting motion tokens out of place, as the model does, against in place.

    python speed/injection.py [--length 12288] [--motion 448] [--width 3584] [--batch 1]

Sizes are those of 8 anchors and 7 x 64 motion tokens at 7B. Out of place is the hook of `codecsense.hosts`; in place
writes into what the embedding gave, which autograd refuses where the embedding trains, and which breaks gradient
checkpointing (HY-Himmel report, section 3.4). Allocations are counted one by one by PyTorch's profiler. More than one
further copy of the sequence at the peak would break the promise.
"""

import argparse
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from codecsense.hosts._injection import Injection

MOTION_ID = 1
PROMISED_COPIES = 1.05  # and what the mask needs


def main() -> None:
    """Print peak bytes and milliseconds of both, and how many copies of the sequence lie between them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in {"length": 12288, "motion": 448, "width": 3584, "batch": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    ids = torch.zeros(wanted.batch, wanted.length, dtype=torch.long)
    ids[:, :: wanted.length // wanted.motion] = MOTION_ID
    ids *= (ids == MOTION_ID).cumsum(1) <= wanted.motion
    motion = torch.randn(wanted.batch, wanted.motion, wanted.width, requires_grad=True)
    embedding, hooked = (nn.Embedding(2, wanted.width).requires_grad_(False) for _ in range(2))
    injection = Injection(hooked)

    def in_place() -> Tensor:
        embedded: Tensor = embedding(ids)
        embedded[ids == MOTION_ID] = motion.flatten(0, 1)
        return embedded

    def out_of_place() -> Tensor:
        with injection.of([(MOTION_ID, motion)]):
            injected: Tensor = hooked(ids)
        return injected

    sequence = wanted.batch * wanted.length * wanted.width * motion.element_size()
    peaks = {name: measured(name, run) for name, run in {"in place": in_place, "out of place": out_of_place}.items()}
    copies = (peaks["out of place"] - peaks["in place"]) / sequence
    print(f"a sequence is {sequence / 1e6:.0f} MB; out of place has {copies:.2f} more of it at the peak")
    sys.exit(copies > PROMISED_COPIES)


def measured(name: str, run: Callable[[], Tensor]) -> int:
    """The most bytes allocated at once, forward and backward; printed with the CPU time of a run without profiler."""
    started = time.process_time()
    run().sum().backward()
    took = time.process_time() - started
    most = peak(run)
    print(f"{name}: peak {most / 1e6:.0f} MB, {took * 1e3:.0f} ms")
    return most


def peak(run: Callable[[], Tensor]) -> int:
    """The most bytes that were allocated at once beyond those at the start, forward and backward."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run().sum().backward()
    held = most = 0
    for event in sorted(recorded.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


if __name__ == "__main__":
    main()
