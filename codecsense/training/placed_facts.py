"""Facts placed in a prefix as sums of the host's own word embeddings: how a tiny host learns to read other tokens.

A pre-trained host knows language and has read pictures between words; a tiny one must first be brought there. After
each anchor stand the slots that motion and sound will fill later. In host training they hold the sum of the word
embeddings of what happened in that cell (part, kind, direction, count, and in most clips the colour), with noise.
The words come from the scripts of the *training* clips; no codec data and no moving picture is seen. It is
the ingredient beyond the papers that does most, so README names it among the declared ones.

Shapes:
    clips  of a split    intervals, cells  as in the micro world    words  at most this many per slot, -1 for none
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from codecsense.config import Config
from codecsense.texts import PARTS, ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class PlacedConfig(Config):
    """How facts are placed."""

    colour_share: float  # of clips in which a slot names its thing's colour
    noise: float  # standard deviation, as a share of the embeddings' own size


class PlacedFacts(NamedTuple):
    """The words of every slot, as ids: what moves where, and what sounds when."""

    motion: Int[Tensor, "clips intervals cells words"]
    colour: Int[Tensor, "clips intervals cells"]
    sound: Int[Tensor, "clips intervals words"]

    def there(self, rows: Int[Tensor, " batch"]) -> Bool[Tensor, "batch motion_tokens"]:
        """Which slots of these clips hold a fact."""
        return (self.motion[rows] >= 0).any(-1).flatten(1)


def of_clips(
    tokenizer: "PreTrainedTokenizerBase", clips: Sequence[str], facts: pl.DataFrame, sounds: pl.DataFrame, *, cells: int
) -> PlacedFacts:
    """The placed facts of these clips, read from the scripts of the world."""
    rows = {clip: index for index, clip in enumerate(clips)}
    intervals = int(facts["interval"].to_numpy().max()) + 1
    motion = torch.full((len(clips), intervals, cells, 4), -1)
    colour = torch.full((len(clips), intervals, cells), -1)
    sound = torch.full((len(clips), intervals, 3), -1)
    for fact in facts.filter(pl.col("clip_id").is_in(list(clips))).iter_rows(named=True):
        at = (rows[fact["clip_id"]], fact["interval"], fact["cell_from"])
        words = ids(tokenizer, " ".join([PARTS[fact["interval"]], *happening(fact)]))
        motion[at][: len(words)] = torch.tensor(words)
        colour[at] = ids(tokenizer, fact["colour"])[0]
    for heard in sounds.filter(pl.col("clip_id").is_in(list(clips))).iter_rows(named=True):
        told = f"{PARTS[heard['interval']]} {heard['pitch']} {heard['beeps']}"
        sound[rows[heard["clip_id"]], heard["interval"]] = torch.tensor(ids(tokenizer, told))
    return PlacedFacts(motion, colour, sound)


def happening(fact: dict[str, object]) -> list[str]:
    """What a thing did in an interval, in words: its kind, its way or spin, its count."""
    words = [str(fact["kind"])]
    words += [str(fact[key]) for key in ("way", "spin") if fact[key] != "none"]
    return words + ([str(fact["count"])] if fact["count"] else [])


def slots(
    embedding: Float[Tensor, "vocabulary width"],
    facts: PlacedFacts,
    rows: Int[Tensor, " batch"],
    *,
    sound_tokens: int,
    settings: PlacedConfig,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "batch motion_tokens width"], Float[Tensor, "batch sound_tokens width"]]:
    """Features for the motion and sound placeholders of a batch, with noise and the colours of most clips."""
    table = embedding.detach()
    noise = settings.noise * table.std()
    told = torch.rand(len(rows), generator=generator) < settings.colour_share
    colour = facts.colour[rows].where(told[:, None, None], torch.tensor(-1))
    motion = _sum(table, torch.cat([facts.motion[rows], colour[..., None]], -1)).flatten(1, 2)
    sound = _sum(table, facts.sound[rows])[:, :, None].expand(-1, -1, sound_tokens, -1).flatten(1, 2)
    motion = motion + noise * torch.randn(motion.shape, generator=generator)
    return motion, sound + noise * torch.randn(sound.shape, generator=generator)


def _sum(table: Tensor, words: Tensor) -> Tensor:
    """Sum of the embeddings of the words that are there."""
    return (table[words.clamp(min=0)] * (words >= 0)[..., None]).sum(-2)
