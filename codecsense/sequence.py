"""Token sequences: where anchors, motion and sound stand before the text, and many texts on one prefix.

A clip is a prefix (anchors, each followed by the placeholders of the interval that it opens) and any number
of texts about it. `pack` lays all texts of a clip behind one copy of its prefix: a text sees the prefix and
itself, and its positions start where the prefix ends. That equals running every text alone, several times cheaper.

Shapes:
    batch  clips    length  tokens of a packed row, padded on the right    words  of all answers of a batch
Words:
    segment  0 for the prefix, 1, 2, ... for the texts, -1 for padding
    gap      where motion may stand: before the first anchor (0), behind the n-th (n)
"""

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional

from codecsense.config import Config

IGNORED = -100
TEXT, PICTURE, MOTION, SOUND = range(4)  # kinds of a prefix' tokens


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
    """Ids of a prefix, the modality of each (0 text, 1 picture, 2 motion, 3 sound) and, once known, its positions.

    `columns` is how many motion tokens stand side by side, for a host that gives them positions of a picture; None
    where they form none.
    """

    ids: Int[Tensor, " length"]
    kinds: Int[Tensor, " length"]
    positions: Int[Tensor, "axes length"] | None = None
    columns: int | None = None


class Given(NamedTuple):
    """What of each clip is shown: which anchors, and motion and sound of which intervals; the rest is not there.

    Clips of a batch must be shown equally much of each, for their features are stacked.
    """

    pictures: Bool[Tensor, "batch anchors"]
    motion: Bool[Tensor, "batch intervals"]
    sound: Bool[Tensor, "batch intervals"]


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


def prefix(layout: Layout, tokens: Specials, *, motion: Sequence[int] | None = None) -> Prefix:
    """The prefix of a clip: the tokens of each anchor, then sound and, as a rule, motion of the interval it opens.

    `motion` places motion tokens otherwise: how many stand before the first anchor and behind each, in all as many as
    the intervals have together. Features go to placeholders in the order of time, wherever those stand.
    """
    gaps = motion or [0, *[layout.motion_tokens] * (layout.anchors - 1), 0]
    if len(gaps) != layout.anchors + 1:
        raise ValueError(f"{layout.anchors} anchors leave {layout.anchors + 1} gaps for motion, not {len(gaps)}")
    ids: list[int] = []
    kinds: list[int] = []
    _extend(ids, kinds, [tokens.motion_pad] * gaps[0], MOTION)
    for anchor in range(layout.anchors):
        _extend(ids, kinds, [tokens.vision_start], TEXT)
        _extend(ids, kinds, [tokens.image_pad] * layout.grid**2, PICTURE)
        _extend(ids, kinds, [tokens.vision_end], TEXT)
        _extend(ids, kinds, [tokens.motion_pad] * gaps[anchor + 1], MOTION)
        if anchor < layout.anchors - 1:
            _extend(ids, kinds, [tokens.audio_pad] * layout.audio_tokens, SOUND)
    side = isqrt(layout.motion_tokens)
    square = side > 0 and side * side == layout.motion_tokens
    return Prefix(ids=torch.tensor(ids), kinds=torch.tensor(kinds), columns=side if square else None)


def thinned(whole: Prefix, layout: Layout, shown: Mapping[int, Sequence[bool]]) -> Prefix:
    """The prefix without what is not shown: `shown[PICTURE]` says so of every picture, MOTION and SOUND of intervals.

    Marks around a picture go with it. Positions are to be given anew.
    """
    sizes = {TEXT: 2, PICTURE: layout.grid**2, MOTION: layout.motion_tokens, SOUND: layout.audio_tokens}
    kept = torch.ones(len(whole.ids), dtype=torch.bool)
    for kind, size in sizes.items():
        at = whole.kinds == kind
        if at.any():
            flags = shown[PICTURE if kind == TEXT else kind]
            kept[at] = torch.tensor(flags, dtype=torch.bool).repeat_interleave(size)
    return Prefix(ids=whole.ids[kept], kinds=whole.kinds[kept], columns=whole.columns)


def _extend(ids: list[int], kinds: list[int], new: Sequence[int], kind: int) -> None:
    ids.extend(new)
    kinds.extend([kind] * len(new))


class Ledger(NamedTuple):
    """What a sample costs, in tokens of each kind; padding is not counted."""

    text: Int[Tensor, " batch"]  # words, and the marks around pictures
    vision: Int[Tensor, " batch"]
    motion: Int[Tensor, " batch"]
    audio: Int[Tensor, " batch"]


def count(packed: "Packed", tokens: Specials) -> Ledger:
    """The tokens of every packed sample by kind."""
    there = packed.segments >= 0
    vision, motion, audio = (
        ((packed.ids == pad) & there).sum(1) for pad in (tokens.image_pad, tokens.motion_pad, tokens.audio_pad)
    )
    return Ledger(text=there.sum(1) - vision - motion - audio, vision=vision, motion=motion, audio=audio)


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


def behind(positions: Int[Tensor, "axes length"]) -> int:
    """The position of the first word behind a prefix; 0 where nothing is before it."""
    return int(positions.max()) + 1 if positions.numel() else 0


def answering(packed: Packed) -> Bool[Tensor, "batch length"]:
    """The places behind which a word of an answer comes: where scores are of use."""
    return functional.pad(packed.labels[:, 1:] != IGNORED, (0, 1))


def answered(packed: Packed) -> Int[Tensor, " words"]:
    """The words of all answers, in the order of `answering`."""
    return packed.labels[:, 1:][packed.labels[:, 1:] != IGNORED]


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
    after = behind(start.positions)
    positions = torch.cat(
        [start.positions, (torch.tensor(steps, dtype=torch.long) + after).expand(start.positions.shape[0], -1)], 1
    )
    return _Row(
        ids=torch.tensor(ids), labels=torch.tensor(labels), segments=torch.tensor(segments), positions=positions
    )
