"""What a host is: an open video-language model whose weights stay as they came, seen through one contract.

A backend is one file of this folder with `Settings(HostConfig)` and a class that answers `Host`; `_hub.py` holds what
backends of transformers share, `_mrope.py` what those of the Qwen-VL line share beyond it. Motion and sound enter
through one forward hook on the input embedding, out of place, so that gradient checkpointing, caches and beams
keep working (HY-Himmel report, eq. 8; `_injection.py` holds it).

Shapes:
    pictures  frames given to the vision tower       patches  its tokens per frame, after merging
    width     hidden size of the language model      axes     position axes (3 under M-RoPE, else 1)
    seen      numbers per visual token: `width`, and as many again for each further depth at which a host reads it
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from codecsense.config import Config
from codecsense.hosts._injection import Injection
from codecsense.sequence import Packed, Prefix, Specials

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase

MOTION_PAD = "<|motion_pad|>"
AUDIO_PAD = "<|audio_pad|>"


class HostConfig(Config):
    """What every host needs to be told."""

    name: str
    weights: str  # "tiny", a hub id, or a local folder
    dtype: Literal["float32", "bfloat16", "float16"]
    attention: Literal["sdpa", "eager", "flash_attention_2"]
    device_map: str | None  # as transformers has it: "auto", "cuda", "cpu"; null leaves placing to the launcher
    picture_px: int  # along a side of what the tower is shown
    motion_positions: Literal["text", "grid"]

    def build(self, *, words: Sequence[str], seed: int) -> "Host":
        """The host before any training of ours; `words` is the vocabulary of a tiny one."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")

    def load(self, folder: Path) -> "Host":
        """The host before training of ours: `folder` holds it where `weights` is `tiny`, else `weights` names it."""
        raise TypeError(f"{type(self).__name__} does not say how to load itself")

    def outline(self, architecture: Path) -> "Host":
        """The host that a config.json describes, without weights: shapes to count and to plan with."""
        raise TypeError(f"{type(self).__name__} does not say how to outline itself")


class Reading(NamedTuple):
    """What is known after a stretch of tokens: scores of the next one, and, if watched, who looked at what."""

    logits: Float[Tensor, "rows vocabulary"]
    attention: list[Float[Tensor, "rows heads queries keys"]]  # by layer; empty unless watched


class Host(nn.Module, ABC):
    """A vision tower and a language model that accept motion and sound beside pictures."""

    settings: HostConfig
    model: "PreTrainedModel | PeftModel"
    tokenizer: "PreTrainedTokenizerBase"
    injection: Injection

    @property
    @abstractmethod
    def bare(self) -> "PreTrainedModel":
        """The model without the wrapper that LoRA puts around it."""

    @property
    @abstractmethod
    def tower(self) -> nn.Module:
        """The vision tower, with the projection into the language model's space."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Hidden size of the language model, which is also the size of a merged visual token."""

    @property
    @abstractmethod
    def block_px(self) -> int:
        """Pixels along a side of what becomes one visual token."""

    @property
    @abstractmethod
    def specials(self) -> Specials:
        """Ids of the tokens that structure a prefix."""

    @property
    @abstractmethod
    def banned(self) -> list[int]:
        """Ids that no reply may hold: a sampled placeholder would ask for features that nobody has."""

    @property
    def seen(self) -> int:
        """Numbers that `encode_pictures` gives per visual token; the first `width` enter at the embedding."""
        return self.width

    @abstractmethod
    def encode_pictures(
        self, pictures: UInt8[Tensor, "pictures height wide 3"]
    ) -> Float[Tensor, "pictures patches seen"]:
        """What the vision tower says of each picture, merged and projected into the language model's space."""

    @abstractmethod
    def place(self, prefix: Prefix, *, grid: int) -> Prefix:
        """The prefix with the positions that this host gives it; pictures have `grid` x `grid` tokens."""

    @abstractmethod
    def logits(
        self,
        packed: Packed,
        *,
        pictures: Float[Tensor, "batch patches seen"] | None,
        injected: Sequence[tuple[int, Tensor]],
        at: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "*places vocabulary"]:
        """Next-token scores of packed texts, with `injected` features at the placeholders of each id.

        At every place, [batch length]; or, side by side, `at` some alone: 150,000 words at each of the 12,000 places
        of a clip would be 7 GB.
        """

    @abstractmethod
    def generate(
        self,
        prompts: Sequence[Int[Tensor, " _"]],
        prefixes: Sequence[Prefix],
        *,
        grid: int,
        pictures: Float[Tensor, "batch patches seen"] | None,
        injected: Sequence[tuple[int, Tensor]],
        max_new_tokens: int,
        samples: int,
        temperature: float,
        seed: int,
        beams: int = 1,
    ) -> Int[Tensor, "answers new_tokens"]:
        """New tokens after prefix + prompt, `samples` per prompt in order; without sampling where the temperature is 0.

        With several `beams` the answers are the best ones that a beam search of that width has found.
        """

    @abstractmethod
    def sample(
        self,
        prompts: Sequence[Int[Tensor, " _"]],
        prefixes: Sequence[Prefix],
        *,
        pictures: Float[Tensor, "batch patches seen"] | None,
        injected: Sequence[tuple[int, Tensor]],
        max_new_tokens: int,
        samples: int,
        temperature: float,
        seed: int,
    ) -> Int[Tensor, "answers new_tokens"]:
        """As `generate`, without beams and for placed prefixes: every prompt is read once, however many its samples."""

    @abstractmethod
    def extend(
        self,
        ids: Int[Tensor, "rows length"],
        positions: Int[Tensor, "axes rows length"],
        *,
        memory: "Cache",
        pictures: Float[Tensor, "rows patches seen"] | None = None,
        injected: Sequence[tuple[int, Tensor]] = (),
        watched: bool = False,
    ) -> Reading:
        """Read a stretch of tokens behind what `memory` (keys and values by layer) holds; it grows by the stretch.

        Tokens see all of the memory and, of the stretch, what stands before them; positions are the caller's, so that
        tokens may have been left out and entries of the memory evicted. `watched` computes attention the slow way, in
        which it can be seen.
        """

    @contextmanager
    def untouched(self) -> Iterator["PreTrainedModel"]:
        """The host as it came, for pictures and text alone: inside, no LoRA acts and nothing is injected."""
        if not hasattr(self.model, "disable_adapter"):
            yield self.bare
            return
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        try:
            with cast("PeftModel", self.model).disable_adapter():
                yield self.bare
        finally:
            self.model.requires_grad_(False)  # peft has just let every acting LoRA train
            for weight in trained:
                weight.requires_grad_(True)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write weights, configuration and tokenizer in the hub's format."""
