"""The audio branch: a frozen encoder of log-mel spectra and a connector into the host's space [1].

The encoder runs once per clip and its states are cached; only the connector trains.

Shapes:
    mels  bins of the spectrum    steps  its frames (100 a second)    states  encoder outputs (50 a second)
    pieces  states kept per interval    sound_width  the encoder's hidden size

References:
    [1] HippoVLM, CVPR 2026: Whisper-large-v3 and an MLP connector.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.config import Annotated, Config, SerializeAsAny, pick


class AudioEncoder(nn.Module, ABC):
    """Log-mel spectra in, states out, a fixed number of them a second."""

    states_per_s: float

    @property
    @abstractmethod
    def width(self) -> int:
        """Size of a state."""

    @abstractmethod
    def forward(self, mel: Float[Tensor, "batch mels steps"]) -> Float[Tensor, "batch states sound_width"]:
        """States of each spectrum."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write weights and configuration in the hub's format."""


class AudioEncoderConfig(Config):
    """Which encoder hears."""

    name: str
    weights: str

    def build(self, *, mels: int, steps: int, seed: int) -> AudioEncoder:
        """The encoder before any training of ours, for spectra of `mels` x `steps`."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")

    def load(self, folder: Path) -> AudioEncoder:
        """The encoder saved in `folder`, or the hub's if `folder` is a hub id."""
        raise TypeError(f"{type(self).__name__} does not say how to load itself")


class ConnectorConfig(Config):
    """How its states become tokens of the host."""

    name: str

    def build(self, *, sound_width: int, host_width: int, tokens: int, pieces: int) -> nn.Module:
        """From `pieces` states to `tokens` tokens: [batch intervals pieces sound_width] to [... host_width]."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")


class AudioConfig(Config):
    """The audio branch."""

    encoder: Annotated[SerializeAsAny[AudioEncoderConfig], pick("codecsense.audio.encoders")]
    connector: Annotated[SerializeAsAny[ConnectorConfig], pick("codecsense.audio.connectors")]
    tokens: int  # per interval; 0 leaves the branch out
    pieces: int  # encoder states kept per interval


def pool(
    states: Float[Tensor, "batch states sound_width"], *, bounds: Sequence[float], pieces: int
) -> Float[Tensor, "batch intervals pieces sound_width"]:
    """Mean states of `pieces` equal stretches of each interval; `bounds` are the anchors' times in units of states."""
    intervals = []
    for opening, closing in pairwise(bounds):
        edges = torch.linspace(opening, closing, pieces + 1).round().long().tolist()
        parts = [states[:, a : max(b, a + 1)].mean(1) for a, b in pairwise(edges)]
        intervals.append(torch.stack(parts, 1))
    return torch.stack(intervals, 1)


class AudioBranch(nn.Module):
    """Cached encoder states of each interval in, audio tokens of the host's width out."""

    def __init__(self, settings: AudioConfig, *, intervals: int, sound_width: int, host_width: int) -> None:
        super().__init__()
        self.sound_width = sound_width
        self.connector = settings.connector.build(
            sound_width=sound_width, host_width=host_width, tokens=settings.tokens, pieces=settings.pieces
        )
        self.interval = nn.Parameter(torch.randn(intervals, 1, host_width) * 0.02)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(
        self, states: Float[Tensor, "batch intervals pieces sound_width"]
    ) -> Float[Tensor, "batch all host_width"]:
        tokens: Tensor = self.scale * self.connector(states) + self.interval
        return tokens.flatten(1, 2)
