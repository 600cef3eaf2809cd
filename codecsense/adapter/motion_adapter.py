"""The motion adapter itself, and the head that Stage 1 aligns to the frozen tower.

Streams are fused in the report's order: vectors with residuals, then with frames (the dense rival's stream), then
with the context. A stream that a run leaves out drops out of its fusion; nothing else changes [1, section 3.2].
Beyond the report, what the tower says of the opening anchor also passes by the fusion, weighted by `context_skip`
(0 gives the report's adapter): a token then says from the start *whose* motion it is.

References:
    [1] HY-Himmel technical report, arXiv 2605.08158.
"""

from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from codecsense.adapter import AdapterConfig, Described, Eye, Head, Shapes, Stream, TriStream

ORDER: tuple[Stream, ...] = ("mv", "residual", "frames", "context")
FROM_CODEC = ("mv", "residual")  # only these have maps that may be missing


class MotionAdapter(nn.Module):
    """Codec maps of a clip's intervals in, motion tokens of the host's width out."""

    def __init__(self, settings: AdapterConfig, shapes: Shapes, *, eye: Eye | None = None) -> None:
        super().__init__()
        if not settings.streams:
            raise ValueError("an adapter needs at least one stream; leave it out altogether for anchors only")
        self.settings = settings
        self.host_width = shapes.host_width
        self.streams = [stream for stream in ORDER if stream in settings.streams]
        self.branches = nn.ModuleDict(
            {
                stream: settings.encoder.build(
                    stream=stream, shapes=shapes, width=settings.width, tokens=settings.tokens, eye=eye
                )
                for stream in self.streams
            }
        )
        self.fusions = nn.ModuleList(self._fusions())
        self.trunk = settings.encoder.trunk(width=settings.width, tokens=settings.tokens)
        self.norm = nn.LayerNorm(settings.width)
        self.project = self._projector()
        self.interval = nn.Parameter(torch.randn(shapes.intervals, 1, shapes.host_width) * 0.02)
        self.slot = nn.Parameter(torch.randn(settings.tokens, shapes.host_width) * 0.02)
        self.scale = nn.Parameter(torch.tensor(settings.motion_scale))
        self.skip = nn.Parameter(torch.tensor(settings.context_skip)) if self._skips(shapes) else None
        self.salience = nn.Linear(settings.width, 1) if settings.placement.repeated() else None

    def _fusions(self) -> list[nn.Module]:
        fusion, width, count = self.settings.fusion, self.settings.width, len(self.streams)
        if count == 1:
            return []
        if fusion.together:
            return [fusion.build(width=width, operands=count)]
        return [fusion.build(width=width, operands=2) for _ in self.streams[1:]]

    def _projector(self) -> nn.Module:
        width, hidden = self.settings.width, self.settings.head.hidden(self.settings.width)
        if self.settings.projector == "linear":
            return nn.Linear(width, self.host_width)
        return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, self.host_width))

    def _skips(self, shapes: Shapes) -> bool:
        skips = "context" in self.settings.streams and self.settings.context_skip != 0
        if skips and shapes.patches != self.settings.tokens:
            sizes = f"{self.settings.tokens} against {shapes.patches}"
            raise ValueError(f"context_skip needs as many motion tokens as patches of an anchor: {sizes}; set it to 0")
        return skips

    def describe(self, clips: TriStream) -> Described:
        """The adapter's hidden state, which Stage 1 aligns."""
        steps = {stream: branch(clips) for stream, branch in self.branches.items()}
        there = self._there(clips)
        fused = self.trunk(self._fused([steps[stream] for stream in self.streams]), there)
        return Described(fused, {stream: self._of_tokens(said, there) for stream, said in steps.items()})

    def _fused(self, states: list[Tensor]) -> Tensor:
        if self.settings.fusion.together and len(states) > 1:
            fused: Tensor = self.fusions[0](*states)
            return fused
        fused = states[0]
        for fusion, state in zip(self.fusions, states[1:], strict=True):
            fused = fusion(fused, state)
        return fused

    def _there(self, clips: TriStream) -> Bool[Tensor, "batch intervals maps"]:
        """Which maps are there; all of them for a run that reads no codec stream."""
        reads_maps = any(stream in FROM_CODEC for stream in self.streams)
        return clips.mask if reads_maps else torch.ones_like(clips.mask)

    def _of_tokens(self, steps: Tensor, there: Tensor) -> Float[Tensor, "batch intervals tokens width"]:
        """A stream's own description of every token; where it describes maps, their mean stands for all tokens."""
        if not self.settings.encoder.gathers:
            return steps
        known = there[..., None].to(steps)
        mean = (steps * known).sum(2, keepdim=True) / known.sum(2, keepdim=True).clamp(min=1)
        return mean.expand(-1, -1, self.settings.tokens, -1)

    def gates(self, clips: TriStream) -> dict[str, Float[Tensor, "batch intervals steps"]]:
        """How much of each stream passed the fusion, per clip, interval and step (a token, or a map); they add up to 1.

        Means over features, as in the report's figure of gates per category [1, appendix O.3].
        """
        states = [self.branches[stream](clips) for stream in self.streams]
        if len(states) == 1:
            return {self.streams[0]: states[0].new_ones(states[0].shape[:-1])}
        together = self.settings.fusion.together
        shares = list(self._shares(self.fusions[0], *states)) if together else self._staged(states)
        return {stream: share.mean(-1) for stream, share in zip(self.streams, shares, strict=True)}

    def _shares(self, fusion: nn.Module, *operands: Tensor) -> Tensor:
        shares = getattr(fusion, "shares", None)
        if shares is None:
            raise ValueError(f"fusion `{self.settings.fusion.name}` has no gates to read")
        return cast(Tensor, shares(*operands))

    def _staged(self, states: list[Tensor]) -> list[Tensor]:
        """What passes all gates of a chain: each one scales down what the gates before it had let through."""
        shares, fused = [torch.ones_like(states[0])], states[0]
        for fusion, state in zip(self.fusions, states[1:], strict=True):
            before, new = self._shares(fusion, fused, state)
            shares = [share * before for share in shares] + [new]
            fused = fusion(fused, state)
        return shares

    def forward(self, clips: TriStream) -> Float[Tensor, "batch tokens_in_all host_width"]:
        described = self.norm(self.describe(clips).fused)
        tokens = self.scale * self.project(described) + self.interval + self.slot
        if self.skip is not None:
            tokens = tokens + self.skip * clips.context
        if self.salience is not None:
            tokens = torch.cat([tokens, self._repeated(tokens, self.salience(described)[..., 0])], 2)
        return tokens.flatten(1, 2)

    def _repeated(
        self,
        tokens: Float[Tensor, "batch intervals tokens host_width"],
        scores: Float[Tensor, "batch intervals tokens"],
    ) -> Float[Tensor, "batch intervals repeats host_width"]:
        """The most salient tokens again, in their order, each weighed by its score (1 at a score of 0)."""
        chosen = scores.topk(self.settings.placement.repeated(), dim=-1).indices.sort(-1).values
        weight = 2 * scores.gather(-1, chosen).sigmoid()
        again = tokens.gather(2, chosen[..., None].expand(-1, -1, -1, tokens.shape[-1]))
        return weight[..., None] * again

    def head(self, *, temperature: float) -> Head:
        """The head of Stage 1 for this adapter, drawn from the global generator."""
        size = {"width": self.settings.width, "host_width": self.host_width}
        return self.settings.head.build(self.streams, **size, temperature=temperature)

    def adopt(self, head: Head) -> None:
        """Start the projector from what Stage 1 has learned [1, section 3.4]; a `linear` one stays as it was drawn."""
        if self.settings.projector == "linear":
            return
        norm, first, _, last = head.fused()
        assert isinstance(self.project, nn.Sequential)
        for own, learned in ((self.norm, norm), (self.project[0], first), (self.project[2], last)):
            own.load_state_dict(learned.state_dict())


class AlignmentHead(Head):
    """One projection for the fused state, one per stream [1, 3.3]."""

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

    def fused(self) -> list[nn.Module]:
        return list(self.project["fused"].children())

    def forward(self, described: Described) -> dict[str, Float[Tensor, "batch intervals tokens host_width"]]:
        states = {"fused": described.fused, **described.branches}
        return {name: layers(states[name]) for name, layers in self.project.items()}
