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
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from codecsense.adapter import AdapterConfig, Shapes
from codecsense.adapter.motion_adapter import MotionAdapter
from codecsense.audio.branch import AudioBranch, AudioConfig
from codecsense.clips import Batch
from codecsense.config import Annotated, Config, SerializeAsAny, pick
from codecsense.hosts import Host, HostConfig
from codecsense.sequence import (
    MOTION,
    PICTURE,
    SOUND,
    Given,
    Layout,
    Ledger,
    Packed,
    Prefix,
    Text,
    answered,
    answering,
    count,
    pack,
    prefix,
    thinned,
)


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
    """Packed texts, and for every word of their answers the host's scores beside the word itself."""

    packed: Packed
    logits: Float[Tensor, "words vocabulary"]
    words: Int[Tensor, " words"]
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
        self._thinned: dict[tuple[tuple[bool, ...], ...], Prefix] = {}

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

    def starts(self, clips: Batch) -> list[Prefix]:
        """What stands before the texts of each clip: all of it, or what is given of it."""
        if clips.given is None:
            return [self.start] * len(clips.sound)
        given = _Shown.of(clips.given, pictures_per_interval=(self.shapes.inner + 1) // self.step)
        rows = zip(*(flags.tolist() for flags in given), strict=True)
        return [self._thin(tuple(tuple(flags) for flags in row)) for row in rows]

    def _thin(self, shown: tuple[tuple[bool, ...], ...]) -> Prefix:
        if shown not in self._thinned:
            flags = dict(zip((PICTURE, MOTION, SOUND), shown, strict=True))
            left = thinned(self.start, self.layout, flags)
            nowhere = None if self.start.positions is None else self.start.positions[:, :0]
            placed = self.host.place(left, grid=self.layout.grid) if len(left.ids) else left._replace(positions=nowhere)
            self._thinned[shown] = placed
        return self._thinned[shown]

    def senses(self, clips: Batch) -> tuple[Tensor, list[tuple[int, Tensor]]]:
        """Visual tokens of the pictures, and the features to inject at each placeholder id, of what is given."""
        seen = clips.tower if clips.deep is None else torch.cat([clips.tower, clips.deep], dim=-1)
        pictures = seen[:, :: self.step]
        motion = None if self.adapter is None else self.adapter(clips.tri)
        sound = None if self.audio is None else self.audio(clips.sound)
        if clips.given is not None:
            given = _Shown.of(clips.given, pictures_per_interval=(self.shapes.inner + 1) // self.step)
            pictures = _of(pictures, given.pictures)
            motion, sound = _of_intervals(motion, given.motion), _of_intervals(sound, given.sound)
        special = self.host.specials
        injected = [(special.motion_pad, motion), (special.audio_pad, sound)]
        return pictures.flatten(1, 2), [(pad, rows) for pad, rows in injected if rows is not None]

    def forward(self, clips: Batch, texts: Sequence[Sequence[Text]]) -> Scored:
        """Scores of each clip's texts."""
        pictures, injected = self.senses(clips)
        packed = pack(self.starts(clips), texts, pad=self.host.tokenizer.pad_token_id)
        tokens = self._counted(packed, pictures, injected)
        logits = self.host.logits(packed, pictures=pictures, injected=injected, at=answering(packed))
        return Scored(packed, logits, answered(packed).to(logits.device), tokens)

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
        """What the model says after each clip's prompt; `samples` answers per clip, greedy at temperature 0.

        Senses and prompt are read once for all answers to it.
        """
        with torch.no_grad():
            pictures, injected = self.senses(clips)
            return self.host.sample(
                [torch.tensor(prompt) for prompt in prompts],
                self.starts(clips),
                pictures=pictures,
                injected=injected,
                max_new_tokens=max_new_tokens,
                samples=samples,
                temperature=temperature,
                seed=seed,
            )


class _Shown(NamedTuple):
    """What of each clip is shown, picture by picture and interval by interval."""

    pictures: Bool[Tensor, "batch pictures"]
    motion: Bool[Tensor, "batch intervals"]
    sound: Bool[Tensor, "batch intervals"]

    @staticmethod
    def of(given: Given, *, pictures_per_interval: int) -> "_Shown":
        """Where pictures stand between anchors, they are shown if both their anchors are."""
        opening, closing = given.pictures[:, :-1], given.pictures[:, 1:]
        between = (opening & closing)[:, :, None].expand(-1, -1, pictures_per_interval - 1)
        inner = torch.cat([opening[:, :, None], between], 2).flatten(1)
        return _Shown(torch.cat([inner, closing[:, -1:]], 1), given.motion, given.sound)


def _of(rows: Float[Tensor, "batch things tokens width"], shown: Bool[Tensor, "batch things"]) -> Tensor:
    """The tokens of what is shown, of each clip."""
    counts = shown.sum(1)
    if (counts != counts[0]).any():
        raise ValueError(f"clips of one batch are shown equally much, not {sorted(set(counts.tolist()))} of a modality")
    return rows[shown].unflatten(0, (len(rows), int(counts[0])))


def _of_intervals(
    rows: Float[Tensor, "batch all width"] | None, shown: Bool[Tensor, "batch intervals"]
) -> Tensor | None:
    if rows is None:
        return None
    return _of(rows.unflatten(1, (shown.shape[1], -1)), shown).flatten(1, 2)
