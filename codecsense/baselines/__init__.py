"""What a rival is: another way of showing a video to the same host, or of keeping what was read, without any training.

One file per rival, each with `Settings(Rival)`. A rival decides which tokens stand before the question (`show`), how
they are read into the host's memory of keys and values (`read`), and what of that memory is kept when the answer
begins (`settle`). It counts what it does, and one whose mechanism never acts is an error: its line of a table would be
the baseline's under another name, as happened to two methods of HY-Himmel's comparison (Appendix R.2: nothing merged,
nothing evicted). The last word of the question is read from the settled memory, so that even an answer of one word is
given from what was kept.

Words used in this package:
    picture  one decoded frame     token  one place in the sequence before the question
    entry    key and value that the memory holds for a token, in one layer and head
Shapes:
    rows     copies of the sequence: one, or one for each question where the rival looks at it
    visual   visual tokens of a row     seen  numbers per visual token     layers  of the language model
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from codecsense.clips import Batch, encode_tower
from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.model import CodecSense
from codecsense.sequence import PICTURE, Layout, prefix

if TYPE_CHECKING:
    from transformers import Cache

Tally = Counter[str]  # what a rival did, by name


class View(NamedTuple):
    """One clip as a rival may see it."""

    pictures: UInt8[Tensor, "pictures height wide 3"]  # in the order of time
    anchors: list[int]  # which of them are key frames
    clip: Batch  # the same clip with its codec maps, for the model that rivals are rivals of


class Shown(NamedTuple):
    """What stands before the question. Positions of tokens that were left out are left free."""

    ids: Int[Tensor, "rows length"]
    kinds: Int[Tensor, "rows length"]  # as in `sequence`: text, picture, motion or sound
    positions: Int[Tensor, "axes rows length"]
    pictures: Float[Tensor, "rows visual seen"]
    injected: tuple[tuple[int, Tensor], ...] = ()


class Rival(Config, ABC):
    """One way of showing and keeping; `checkpoint` names the one that it is tried on."""

    fires: ClassVar[str]  # the counter that must not stay at zero
    ratio: ClassVar[tuple[str, str, str] | None] = None  # a name, and the two counters that it is the ratio of
    reads_questions: ClassVar[bool] = False  # whether `show` looks at the question
    watches: ClassVar[bool] = False  # whether `settle` wants to know who looked at what
    name: str
    checkpoint: str

    @property
    def title(self) -> str:
        """Its name in a table, where a rival may stand with several settings."""
        return self.name

    @abstractmethod
    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The tokens before the question: one row, or one for each question where `reads_questions`."""

    def read(self, host: Host, shown: Shown, tally: Tally) -> "Watched":
        """The memory after all that is shown."""
        memory = remember()
        seen = host.extend(
            shown.ids,
            shown.positions,
            memory=memory,
            pictures=shown.pictures,
            injected=shown.injected,
            watched=self.watches,
        )
        return Watched(memory, [attended.sum(-2) for attended in seen.attention])

    def settle(self, memory: "Cache", shown: Shown, attended: list[Tensor], tally: Tally) -> None:
        """Change the memory of shown and question (all but its last token) to what is kept of it, in place.

        `attended` says by layer how much every entry was looked at, summed over all tokens: [rows, heads, entries].
        """
        return


class Watched(NamedTuple):
    """A memory, and by layer how much each of its entries was looked at, summed over the tokens that looked."""

    memory: "Cache"
    attended: list[Tensor]


def remember() -> "Cache":
    """An empty memory."""
    from transformers import DynamicCache

    return DynamicCache()


def layers(memory: "Cache") -> list[Any]:
    """The layers of a memory; `keys` and `values` of each are [rows, heads, entries, numbers] and may be replaced."""
    return list(memory.layers)


def seen_by(host: Host, pictures: UInt8[Tensor, "pictures height wide 3"]) -> Float[Tensor, "pictures patches seen"]:
    """What the tower says of pictures, in the precision in which the stages keep it."""
    return encode_tower(host, pictures[None])[0].float()


def laid_out(host: Host, features: Float[Tensor, "pictures patches seen"]) -> Shown:
    """Pictures one behind the other, each between its marks, as the host was taught to read them."""
    grid = round(features.shape[1] ** 0.5)
    layout = Layout(anchors=len(features), grid=grid, motion_tokens=0, audio_tokens=0)
    placed = host.place(prefix(layout, host.specials), grid=grid)
    assert placed.positions is not None
    return Shown(placed.ids[None], placed.kinds[None], placed.positions[:, None], features.flatten(0, 1)[None])


def kept(shown: Shown, visual: Int[Tensor, "rows visual"]) -> Shown:
    """Only these visual tokens of a single row, in the order of time; all else stays, and so does every position.

    Each row of `visual` holds as many indices of visual tokens, sorted; it makes one row of what is shown.
    """
    at = torch.nonzero(shown.kinds[0] == PICTURE)[:, 0]
    rest = torch.nonzero(shown.kinds[0] != PICTURE)[:, 0].expand(len(visual), -1)
    order = torch.cat([rest, at[visual]], dim=1).sort(dim=1).values
    return Shown(
        ids=shown.ids[0][order],
        kinds=shown.kinds[0][order],
        positions=shown.positions[:, 0][:, order],
        pictures=shown.pictures[0][visual],
        injected=shown.injected,
    )


def evenly(total: int, count: int) -> list[int]:
    """`count` of `total` pictures, evenly over time, the first and the last among them."""
    if not 1 <= count <= total:
        raise ValueError(f"`pictures: {count}` of a clip that has {total}")
    return [round(n * (total - 1) / max(1, count - 1)) for n in range(count)]
