"""RGB-difference tokens: what changes between decoded frames, seen by the host's own tower, where motion would stand.

HY-Himmel's rival of the same name gives as many tokens per interval as its adapter does and is not described further.
Here the differences of neighbouring frames are grey pictures (127 where nothing changes), each is looked at, and the
tokens of an interval are the means over its differences: one set per interval, behind the anchor that opens it.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, laid_out, seen_by
from codecsense.model import CodecSense

STILL = 127


class Settings(Rival):
    """One set of difference tokens per interval."""

    fires: ClassVar[str] = "blocks that changed"
    name: Literal["rgb_difference"]

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """Anchor, differences, anchor, differences, ..., anchor."""
        changes = differences(view.pictures)
        anchors = seen_by(model.host, view.pictures[view.anchors])
        changed = seen_by(model.host, changes)
        tally["blocks that changed"] += changed_blocks(changes, model.host.block_px)
        shown = [anchors[:1]]
        for number, (first, last) in enumerate(zip(view.anchors, view.anchors[1:], strict=False), start=1):
            shown += [changed[first:last].mean(0, keepdim=True), anchors[number : number + 1]]
        return laid_out(model.host, torch.cat(shown))


def differences(
    pictures: UInt8[Tensor, "pictures height wide 3"],
) -> UInt8[Tensor, "changes height wide 3"]:
    """Half of what every picture has more than the one before it, around grey."""
    steps = pictures[1:].int() - pictures[:-1].int()
    return (torch.div(steps, 2, rounding_mode="trunc") + STILL).to(torch.uint8)


def changed_blocks(changes: UInt8[Tensor, "changes height wide 3"], block_px: int) -> int:
    """How many blocks of `block_px` are not grey all over."""
    moved = (changes.int() - STILL).abs().amax(-1).float()[:, None]
    return int((torch.nn.functional.max_pool2d(moved, block_px, ceil_mode=True) > 0).sum())
