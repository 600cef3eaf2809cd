"""LOOK-M [1]: after the whole prompt is read, most visual entries of the memory are merged into the few that stay.

How much an entry was looked at, summed over the prompt, says how important it is; entries of words come before all
visual ones (text prior), and the newest are kept as they are. Every evicted key is merged into the kept key that it is
most like (pivotal merging: the mean of both goes into the mean of all that arrive there), and its value likewise.

References:
    [1] Wan et al., LOOK-M: look-once optimization in KV cache, arXiv 2406.18139, sections 3.2 and 3.3.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, evenly, laid_out, layers, seen_by
from codecsense.model import CodecSense
from codecsense.sequence import PICTURE

if TYPE_CHECKING:
    from transformers import Cache


class Settings(Rival):
    """Shares of the memory that are kept: for being looked at most, and for being newest."""

    fires: ClassVar[str] = "entries merged"
    watches: ClassVar[bool] = True
    name: Literal["look_m"]
    pictures: int
    important: float
    recent: float

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The same pictures as the dense rival."""
        chosen = evenly(len(view.pictures), self.pictures)
        return laid_out(model.host, seen_by(model.host, view.pictures[chosen]))

    def settle(self, memory: "Cache", shown: Shown, attended: list[Tensor], tally: Tally) -> None:
        """Keep the important and the recent entries, with the others merged into them."""
        for layer, looked in zip(layers(memory), attended, strict=True):
            rows, heads, entries, _ = layer.keys.shape
            asked = torch.ones(rows, entries - shown.kinds.shape[1], dtype=torch.bool)
            words = torch.cat([(shown.kinds != PICTURE).expand(rows, -1), asked], dim=1).to(looked.device)
            scores = looked.unflatten(1, (heads, -1)).sum(2)  # queries that share a key and value
            stay = conserved(scores, words, important=self.important, recent=self.recent)
            into = pivots(layer.keys, stay)
            layer.keys, layer.values = merged(layer.keys, stay, into), merged(layer.values, stay, into)
            tally["entries merged"] += into.numel()
            tally["entries kept"] += stay.numel()


def conserved(
    scores: Float[Tensor, "rows heads entries"], words: Bool[Tensor, "rows entries"], *, important: float, recent: float
) -> Int[Tensor, "rows heads kept"]:
    """Indices of the entries that stay, sorted: the newest, and the most looked at among the rest, words first."""
    entries = scores.shape[-1]
    newest, most = round(recent * entries), round(important * entries)
    if not 0 < newest + most <= entries:
        raise ValueError(f"`important: {important}` and `recent: {recent}` keep {newest + most} of {entries} entries")
    first = scores + words[:, None] * (scores.amax(-1, keepdim=True) + 1)
    first[..., entries - newest :] = torch.inf
    return first.topk(newest + most, dim=-1).indices.sort(dim=-1).values


def pivots(
    keys: Float[Tensor, "rows heads entries numbers"], stay: Int[Tensor, "rows heads kept"]
) -> Int[Tensor, "rows heads evicted"]:
    """For every evicted key, in order, which of the kept ones it is most like, in cosine."""
    kept, evicted = _split(keys, stay)
    unit = torch.nn.functional.normalize
    return (unit(evicted, dim=-1) @ unit(kept, dim=-1).transpose(-1, -2)).argmax(-1)


def merged(
    states: Float[Tensor, "rows heads entries numbers"],
    stay: Int[Tensor, "rows heads kept"],
    into: Int[Tensor, "rows heads evicted"],
) -> Float[Tensor, "rows heads kept numbers"]:
    """Kept states, each the mean of itself and of its means with those that were merged into it."""
    kept, evicted = _split(states, stay)
    at = into[..., None].expand(*into.shape, states.shape[-1])
    halves = (evicted + kept.gather(2, at)) / 2
    arrived = torch.ones_like(kept[..., :1]).scatter_add(2, into[..., None], torch.ones_like(evicted[..., :1]))
    return kept.scatter_add(2, at, halves) / arrived


def _split(
    states: Float[Tensor, "rows heads entries numbers"], stay: Int[Tensor, "rows heads kept"]
) -> tuple[Tensor, Tensor]:
    """Kept and evicted states, each in order."""
    rows, heads, entries, numbers = states.shape
    gone = torch.ones(rows, heads, entries, dtype=torch.bool).scatter(2, stay, False)
    evicted = torch.nonzero(gone)[:, 2].view(rows, heads, -1)
    return tuple(states.gather(2, at[..., None].expand(*at.shape, numbers)) for at in (stay, evicted))  # type: ignore[return-value]
