"""Token sequences: where anchors, motion and sound stand before the text, and many texts on one prefix.

A clip is a prefix (anchors, each followed by the placeholders of the interval that it opens) and any number
of texts about it. `pack` lays all texts of a clip behind one copy of its prefix: a text sees the prefix and
itself, and its positions start where the prefix ends. That equals running every text alone, several times cheaper.

Shapes:
    batch  clips    length  tokens of a packed row, padded on the right
Words:
    segment  0 for the prefix, 1, 2, ... for the texts, -1 for padding
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from codecsense.config import Config

IGNORED = -100


class Layout(Config):
    """What a prefix holds: `anchors` pictures of `grid` x `grid` tokens, and per interval motion and sound tokens."""

    anchors: int
    grid: int
    motion_tokens: int
    audio_tokens: int


class Specials(NamedTuple):
    """Ids of the tokens that structure a prefix."""

    vision_start: int
    vision_end: int
    image_pad: int
    motion_pad: int
    audio_pad: int
    end: int


class Prefix(NamedTuple):
    """Ids of a prefix, the modality of each (0 text, 1 picture, 2 motion, 3 sound) and, once known, its positions."""

    ids: Int[Tensor, " length"]
    kinds: Int[Tensor, " length"]
    positions: Int[Tensor, "axes length"] | None = None


class Text(NamedTuple):
    """A question and its answer as ids; only the answer is learned."""

    prompt: Sequence[int]
    answer: Sequence[int]


class Packed(NamedTuple):
    """Clips with all their texts, ready for a host."""

    ids: Int[Tensor, "batch length"]
    positions: Int[Tensor, "axes batch length"]
    mask: Bool[Tensor, "batch 1 length length"]
    labels: Int[Tensor, "batch length"]
    segments: Int[Tensor, "batch length"]


def prefix(layout: Layout, tokens: Specials) -> Prefix:
    """The prefix of a clip: the tokens of each anchor, then motion and sound of the interval that it opens."""
    ids: list[int] = []
    kinds: list[int] = []
    for anchor in range(layout.anchors):
        _extend(ids, kinds, [tokens.vision_start], 0)
        _extend(ids, kinds, [tokens.image_pad] * layout.grid**2, 1)
        _extend(ids, kinds, [tokens.vision_end], 0)
        if anchor < layout.anchors - 1:
            _extend(ids, kinds, [tokens.motion_pad] * layout.motion_tokens, 2)
            _extend(ids, kinds, [tokens.audio_pad] * layout.audio_tokens, 3)
    return Prefix(ids=torch.tensor(ids), kinds=torch.tensor(kinds))


def _extend(ids: list[int], kinds: list[int], new: Sequence[int], kind: int) -> None:
    ids.extend(new)
    kinds.extend([kind] * len(new))


def pack(prefixes: Sequence[Prefix], texts: Sequence[Sequence[Text]], *, pad: int) -> Packed:
    """Every clip's texts behind one copy of its prefix; labels are the answers, everything else is ignored."""
    rows = [_row(start, clip_texts) for start, clip_texts in zip(prefixes, texts, strict=True)]
    length = max(len(row.ids) for row in rows)
    axes = rows[0].positions.shape[0]
    ids = torch.full((len(rows), length), pad)
    labels = torch.full((len(rows), length), IGNORED)
    segments = torch.full((len(rows), length), -1)
    positions = torch.zeros((axes, len(rows), length), dtype=torch.long)
    for index, row in enumerate(rows):
        size = len(row.ids)
        ids[index, :size], labels[index, :size], segments[index, :size] = row.ids, row.labels, row.segments
        positions[:, index, :size] = row.positions
    return Packed(ids=ids, positions=positions, mask=visible(segments), labels=labels, segments=segments)


def visible(segments: Int[Tensor, "batch length"]) -> Bool[Tensor, "batch 1 length length"]:
    """Who may look at whom: backwards, at the prefix and at one's own text; padding looks at itself alone."""
    length = segments.shape[1]
    past = torch.ones(length, length, dtype=torch.bool).tril()
    query, key = segments[:, :, None], segments[:, None, :]
    seen = past & ((key == 0) | (key == query)) & (query >= 0)
    return (seen | torch.eye(length, dtype=torch.bool))[:, None]


class _Row(NamedTuple):
    ids: Tensor
    labels: Tensor
    segments: Tensor
    positions: Tensor


def _row(start: Prefix, texts: Sequence[Text]) -> _Row:
    if start.positions is None:
        raise ValueError("a prefix needs its host's positions before texts are packed behind it")
    ids, labels, segments = start.ids.tolist(), [IGNORED] * len(start.ids), [0] * len(start.ids)
    steps: list[int] = []
    for number, text in enumerate(texts, start=1):
        size = len(text.prompt) + len(text.answer)
        ids += [*text.prompt, *text.answer]
        labels += [IGNORED] * len(text.prompt) + list(text.answer)
        segments += [number] * size
        steps += range(size)
    after = start.positions.max() + 1
    positions = torch.cat(
        [start.positions, (torch.tensor(steps, dtype=torch.long) + after).expand(start.positions.shape[0], -1)], 1
    )
    return _Row(
        ids=torch.tensor(ids), labels=torch.tensor(labels), segments=torch.tensor(segments), positions=positions
    )
