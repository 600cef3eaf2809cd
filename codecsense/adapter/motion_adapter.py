"""The motion adapter itself, and the head that Stage 1 aligns to the frozen tower.

Streams are fused in the report's order: vectors with residuals, then with frames (the dense rival's stream), then
with the context. A stream that a run leaves out drops out of its fusion; nothing else changes [1, section 3.2].
Beyond the report, what the tower says of the opening anchor also passes by the fusion, weighted by `context_skip`
(0 gives the report's adapter): a token then says from the start *whose* motion it is.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from codecsense.adapter import AdapterConfig, Shapes, Stream, TriStream

ORDER: tuple[Stream, ...] = ("mv", "residual", "frames", "context")


class Described(NamedTuple):
    """The fused description of every token, and each stream's own."""

    fused: Float[Tensor, "batch intervals tokens width"]
    branches: dict[str, Float[Tensor, "batch intervals tokens width"]]


class MotionAdapter(nn.Module):
    """Codec maps of a clip's intervals in, motion tokens of the host's width out."""

    def __init__(self, settings: AdapterConfig, shapes: Shapes) -> None:
        super().__init__()
        if not settings.streams:
            raise ValueError("an adapter needs at least one stream; leave it out altogether for anchors only")
        self.settings = settings
        self.streams = [stream for stream in ORDER if stream in settings.streams]
        self.branches = nn.ModuleDict(
            {
                stream: settings.encoder.build(
                    stream=stream, shapes=shapes, width=settings.width, tokens=settings.tokens
                )
                for stream in self.streams
            }
        )
        self.fusions = nn.ModuleList(settings.fusion.build(width=settings.width) for _ in self.streams[1:])
        self.norm = nn.LayerNorm(settings.width)
        self.project = nn.Linear(settings.width, shapes.host_width)
        self.interval = nn.Parameter(torch.randn(shapes.intervals, 1, shapes.host_width) * 0.02)
        self.slot = nn.Parameter(torch.randn(settings.tokens, shapes.host_width) * 0.02)
        self.scale = nn.Parameter(torch.tensor(settings.motion_scale))
        self.skip = nn.Parameter(torch.tensor(settings.context_skip)) if self._skips(settings) else None

    @staticmethod
    def _skips(settings: AdapterConfig) -> bool:
        return "context" in settings.streams and settings.context_skip != 0

    def describe(self, clips: TriStream) -> Described:
        """The adapter's hidden state, which Stage 1 aligns."""
        branches = {stream: branch(clips) for stream, branch in self.branches.items()}
        fused = branches[self.streams[0]]
        for fusion, stream in zip(self.fusions, self.streams[1:], strict=True):
            fused = fusion(fused, branches[stream])
        return Described(fused, branches)

    def forward(self, clips: TriStream) -> Float[Tensor, "batch tokens_in_all host_width"]:
        tokens = self.scale * self.project(self.norm(self.describe(clips).fused)) + self.interval + self.slot
        if self.skip is not None:
            tokens = tokens + self.skip * clips.context
        return tokens.flatten(1, 2)


class AlignmentHead(nn.Module):
    """From the adapter's space into the frozen tower's: one projection for the fused state, one per stream [1, 3.3]."""

    def __init__(self, streams: list[Stream], *, width: int, host_width: int, temperature: float) -> None:
        super().__init__()
        names = ["fused", *streams]
        self.project = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, host_width)
                )
                for name in names
            }
        )
        self.log_inverse_temperature = nn.Parameter(torch.tensor(1 / temperature).log())

    def forward(self, described: Described) -> dict[str, Float[Tensor, "batch intervals tokens host_width"]]:
        states = {"fused": described.fused, **described.branches}
        return {name: layers(states[name]) for name, layers in self.project.items()}
