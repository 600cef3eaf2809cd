"""HippoVLM's connector: a two-layer perceptron on every state, which becomes one token."""

from typing import Literal

import torch.nn as nn

from codecsense.audio.branch import ConnectorConfig


class Settings(ConnectorConfig):
    """A perceptron as wide as the host."""

    name: Literal["mlp"]

    def build(self, *, sound_width: int, host_width: int, tokens: int, pieces: int) -> nn.Module:
        if tokens != pieces:
            raise ValueError(
                f"connector mlp makes a token of every state, so model.audio.tokens {tokens} must be "
                f"model.audio.pieces {pieces}; qformer makes any number"
            )
        return nn.Sequential(
            nn.LayerNorm(sound_width),
            nn.Linear(sound_width, host_width),
            nn.GELU(),
            nn.Linear(host_width, host_width),
            nn.LayerNorm(host_width),
        )
