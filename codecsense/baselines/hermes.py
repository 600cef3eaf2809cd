"""HERMES [1]: the memory of keys and values as a hierarchy, read frame by frame and never larger than a budget.

Shallow layers are a sensory memory, in which the newest entries count; deep layers a long-term memory, in which those
count that a generic question looks at; between them both count, the deeper the more for the second. Scores are smoothed
with those of the next deeper layer, so that layers do not forget a token at odds with one another. After every frame
each layer keeps the best visual entries within the budget; marks between pictures are kept. Nothing is done when the
question comes.

Here positions stay those at which tokens were read, since a clip is shorter than the host's context, and what deep
layers evict is not summed up in one entry.

References:
    [1] Zhang et al., HERMES: KV cache as hierarchical memory for efficient streaming video understanding,
        arXiv 2601.14724 (ACL).
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, Watched, evenly, laid_out, layers, remember, seen_by
from codecsense.hosts import Host
from codecsense.model import CodecSense
from codecsense.sequence import PICTURE
from codecsense.texts import ids as word_ids

if TYPE_CHECKING:
    from transformers import Cache


class Settings(Rival):
    """The budget of visual entries per layer, and how they are chosen."""

    fires: ClassVar[str] = "entries evicted"
    name: Literal["hermes"]
    pictures: int
    budget: int  # visual entries per layer
    forgetting: float  # how much less a frame counts than the next newer one, in sensory memory
    smoothing: float  # share of the next deeper layer's score
    guide: str  # the generic question

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The same pictures as the dense rival."""
        chosen = evenly(len(view.pictures), self.pictures)
        return laid_out(model.host, seen_by(model.host, view.pictures[chosen]))

    def read(self, host: Host, shown: Shown, tally: Tally) -> Watched:
        """Frame by frame, forgetting on the way."""
        memory, visual = remember(), shown.kinds[0] == PICTURE
        guide = torch.tensor(word_ids(host.tokenizer, self.guide))[None]
        held: list[Tensor] = []  # by layer, the tokens that its entries are of
        start = 0
        for end in ends(visual):
            new = torch.arange(start, end)
            shown_now = shown.pictures[:, int(visual[:start].sum()) : int(visual[:end].sum())]
            host.extend(shown.ids[:, new], shown.positions[:, :, new], memory=memory, pictures=shown_now)
            held = [torch.cat([own, new]) for own in held] if held else [new] * len(layers(memory))
            if int(visual[held[0]].sum()) > self.budget:
                wanted = guided(host, memory, guide, shown.positions[:, :, :end])
                held = self._forget(memory, held, wanted, visual[:end], tally)
            start = end
        return Watched(memory, [])

    def _forget(
        self,
        memory: "Cache",
        held: list[Tensor],
        wanted: list[Tensor],
        visual: Bool[Tensor, " tokens"],
        tally: Tally,
    ) -> list[Tensor]:
        age = frames(visual).max() - frames(visual)
        scores = importance(held, wanted, age, forgetting=self.forgetting, smoothing=self.smoothing)
        stays = []
        for layer, own, score in zip(layers(memory), held, scores, strict=True):
            first = torch.where(visual[own], score[own], torch.inf)
            stay = first.topk(self.budget + int((~visual[own]).sum())).indices.sort().values
            layer.keys, layer.values = layer.keys[:, :, stay], layer.values[:, :, stay]
            tally["entries evicted"] += (len(own) - len(stay)) * layer.keys.shape[1]
            stays.append(own[stay])
        return stays


def ends(visual: Bool[Tensor, " tokens"]) -> list[int]:
    """Where each picture ends, the mark behind it included; the last end is that of all tokens."""
    last = torch.nonzero(visual[:-1] & ~visual[1:])[:, 0] + 2
    return [*last[:-1].tolist(), len(visual)]


def frames(visual: Bool[Tensor, " tokens"]) -> Int[Tensor, " tokens"]:
    """The number of the picture that each token belongs to or follows."""
    return (visual & ~torch.cat([visual[:1] & False, visual[:-1]])).cumsum(0)


def guided(
    host: Host, memory: "Cache", guide: Int[Tensor, "1 words"], behind: Int[Tensor, "axes 1 tokens"]
) -> list[Float[Tensor, " entries"]]:
    """By layer, how much the generic question looks at every entry, as a share of the most; the memory stays as it is.

    It is asked on a copy, at the positions behind all that was read.
    """
    at = (behind.max() + 1 + torch.arange(guide.shape[1])).expand(len(behind), 1, -1)
    looked = host.extend(guide, at, memory=copy.deepcopy(memory), watched=True).attention
    sums = [
        attention[0, ..., : attention.shape[-1] - guide.shape[1]].mean((0, 1)).float().cpu() for attention in looked
    ]
    return [own / own.max() for own in sums]


def importance(
    held: Sequence[Int[Tensor, " _"]],
    wanted: Sequence[Float[Tensor, " _"]],
    age: Int[Tensor, " tokens"],
    *,
    forgetting: float,
    smoothing: float,
) -> Float[Tensor, "layers tokens"]:
    """How much every token counts in every layer; a token that a layer no longer holds counts nothing in it."""
    depths = len(held)
    scores = torch.zeros(depths, len(age))
    for depth, (own, looked) in enumerate(zip(held, wanted, strict=True)):
        share = depth / max(1, depths - 1)  # of long-term memory
        scores[depth, own] = (1 - share) * torch.exp(-forgetting * age[own].float()) + share * looked
    deeper = torch.cat([scores[1:], scores[-1:]])
    return (1 - smoothing) * scores + smoothing * deeper
