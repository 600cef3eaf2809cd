"""Host + motion adapter + audio branch, and nothing else: the first file to read.

The host stays as it came. The adapter turns codec maps into motion tokens, the audio branch turns sound into audio
tokens, and both enter the host at their placeholders. Any of them can be left out by one value of `params.yaml`.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, section 3.
    [2] HippoVLM, CVPR 2026.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from codecsense.adapter import AdapterConfig, Shapes
from codecsense.adapter.motion_adapter import MotionAdapter
from codecsense.audio.branch import AudioBranch, AudioConfig
from codecsense.clips import Batch
from codecsense.config import Annotated, Config, SerializeAsAny, pick
from codecsense.hosts import Host, HostConfig
from codecsense.sequence import Layout, Ledger, Packed, Text, count, pack, prefix


class Model(Config):
    """Section `model` of params.yaml."""

    host: Annotated[SerializeAsAny[HostConfig], pick("codecsense.hosts")]
    pictures: Literal["anchors", "all"]  # "all": every encoded frame as a picture, the dense rival
    adapter: AdapterConfig
    audio: AudioConfig

    def build(self, host: Host, shapes: Shapes, *, sound_width: int, seed: int) -> "CodecSense":
        """The model around a host, its own weights drawn from `seed`."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return CodecSense(self, host, shapes, sound_width=sound_width)


class Scored(NamedTuple):
    """Packed texts and the host's next-token scores for them."""

    packed: Packed
    logits: Float[Tensor, "batch length vocabulary"]
    tokens: Ledger


class CodecSense(nn.Module):
    """An open host with two more senses."""

    def __init__(self, settings: Model, host: Host, shapes: Shapes, *, sound_width: int) -> None:
        super().__init__()
        self.settings = settings
        self.shapes = shapes
        self.host = host
        self.adapter = None
        if settings.adapter.streams:
            self.adapter = MotionAdapter(settings.adapter, shapes, eye=self._looked_at)
        self.audio = None
        if settings.audio.tokens:
            self.audio = AudioBranch(
                settings.audio, intervals=shapes.intervals, sound_width=sound_width, host_width=shapes.host_width
            )
        every = settings.pictures == "all"
        self.step = 1 if every else shapes.inner + 1
        self.layout = Layout(
            anchors=shapes.intervals * (shapes.inner + 1) // self.step + 1,
            grid=round(shapes.patches**0.5),
            motion_tokens=settings.adapter.tokens if self.adapter else 0,
            audio_tokens=settings.audio.tokens,
        )
        laid = prefix(self.layout, host.specials, motion=self._placed())
        self.start = host.place(laid, grid=self.layout.grid)

    def _looked_at(self, pictures: UInt8[Tensor, "pictures height wide 3"]) -> Float[Tensor, "pictures patches width"]:
        """What the frozen tower says of pictures that an encoder draws; its last word alone."""
        return self.host.encode_pictures(pictures)[..., : self.shapes.host_width]

    def _placed(self) -> list[int] | None:
        """Motion tokens in every gap between pictures, as the placement spreads them between anchors."""
        if self.adapter is None:
            return None
        choice = self.settings.adapter
        spread = choice.placement.spread(intervals=self.shapes.intervals, tokens=choice.tokens)
        between = (self.shapes.inner + 1) // self.step - 1  # pictures between anchors, after which no motion stands
        gaps = [spread[0]]
        for behind in spread[1:-1]:
            gaps += [behind, *[0] * between]
        return [*gaps, spread[-1]]

    @property
    def context_tokens(self) -> int:
        """Tokens that a clip costs before the first word of a question."""
        return len(self.start.ids)

    def senses(self, clips: Batch) -> tuple[Tensor, list[tuple[int, Tensor]]]:
        """Visual tokens of the pictures, and the features to inject at each placeholder id."""
        seen = clips.tower if clips.deep is None else torch.cat([clips.tower, clips.deep], dim=-1)
        pictures = seen[:, :: self.step].flatten(1, 2)
        injected = []
        if self.adapter is not None:
            injected.append((self.host.specials.motion_pad, self.adapter(clips.tri)))
        if self.audio is not None:
            injected.append((self.host.specials.audio_pad, self.audio(clips.sound)))
        return pictures, injected

    def forward(self, clips: Batch, texts: Sequence[Sequence[Text]]) -> Scored:
        """Scores of each clip's texts."""
        pictures, injected = self.senses(clips)
        packed = pack([self.start] * len(texts), texts, pad=self.host.tokenizer.pad_token_id)
        tokens = self._counted(packed, pictures, injected)
        return Scored(packed, self.host.logits(packed, pictures=pictures, injected=injected), tokens)

    def _counted(self, packed: Packed, pictures: Tensor, injected: Sequence[tuple[int, Tensor]]) -> Ledger:
        """The ledger of a batch; every visual, motion and audio feature has exactly one token, in every sample."""
        tokens, special = count(packed, self.host.specials), self.host.specials
        features = {pad: rows.shape[1] for pad, rows in injected}
        expected = {
            "vision": (tokens.vision, pictures.shape[1]),
            "motion": (tokens.motion, features.get(special.motion_pad, 0)),
            "audio": (tokens.audio, features.get(special.audio_pad, 0)),
        }
        for kind, (found, wanted) in expected.items():
            if (found != wanted).any():
                raise ValueError(f"{wanted} {kind} features per sample for {sorted(set(found.tolist()))} tokens")
        return tokens

    def generate(
        self,
        clips: Batch,
        prompts: Sequence[Sequence[int]],
        *,
        max_new_tokens: int,
        samples: int = 1,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Int[Tensor, "answers new_tokens"]:
        """What the model says after each clip's prompt; `samples` answers per clip, greedy at temperature 0."""
        with torch.no_grad():
            pictures, injected = self.senses(clips)
            return self.host.generate(
                [torch.tensor(prompt) for prompt in prompts],
                [self.start] * len(prompts),
                grid=self.layout.grid,
                pictures=pictures,
                injected=injected,
                max_new_tokens=max_new_tokens,
                samples=samples,
                temperature=temperature,
                seed=seed,
            )
