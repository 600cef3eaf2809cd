"""Whisper's encoder: the hub's weights, or the same architecture small for a laptop.

References:
    [1] Radford et al., Robust speech recognition via large-scale weak supervision, arXiv 2212.04356.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.audio.branch import AudioEncoder, AudioEncoderConfig
from codecsense.config import Config

if TYPE_CHECKING:
    from transformers.models.whisper.modeling_whisper import WhisperEncoder


class TinySize(Config):
    """The sizes of a tiny twin; only used where `weights` is `tiny`."""

    width: int
    layers: int
    heads: int


class Settings(AudioEncoderConfig):
    """Which weights."""

    name: Literal["whisper"]
    weights: str  # "tiny", a hub id, or a local folder
    tiny: TinySize

    def build(self, *, mels: int, steps: int, seed: int) -> "WhisperAudioEncoder":
        """The encoder before any training of ours, for spectra of `mels` x `steps`."""
        if self.weights != "tiny":
            return self.load(Path(self.weights))
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        config = WhisperConfig(
            d_model=self.tiny.width,
            encoder_layers=self.tiny.layers,
            encoder_attention_heads=self.tiny.heads,
            encoder_ffn_dim=2 * self.tiny.width,
            num_mel_bins=mels,
            max_source_positions=steps // 2,
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return WhisperAudioEncoder(WhisperEncoder(config))

    def load(self, folder: Path) -> "WhisperAudioEncoder":
        """The encoder before training of ours: in `folder` where `weights` is `tiny`, else what `weights` names."""
        from transformers import WhisperModel
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        if self.weights == "tiny":
            return WhisperAudioEncoder(WhisperEncoder.from_pretrained(str(folder)))
        return WhisperAudioEncoder(WhisperModel.from_pretrained(self.weights).encoder)


class WhisperAudioEncoder(AudioEncoder):
    """Log-mel spectra in, 50 states a second out [1]."""

    states_per_s = 50.0

    def __init__(self, encoder: "WhisperEncoder") -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def width(self) -> int:
        size: int = self.encoder.config.d_model
        return size

    def forward(self, mel: Float[Tensor, "batch mels steps"]) -> Float[Tensor, "batch states sound_width"]:
        states: Tensor = self.encoder(mel).last_hidden_state
        return states

    def save(self, folder: Path) -> None:
        self.encoder.save_pretrained(folder)
