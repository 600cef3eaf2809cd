"""A Mamba-2 block in plain PyTorch: the scan is done in chunks by matrix products, which CPUs and GPUs both like [1].

The state of a head is h_t = exp(dt_t A) h_{t-1} + dt_t x_t B_t', read as y_t = h_t C_t. Inside a chunk all of it is one
masked product, as in attention; between chunks only the state travels. In single precision whatever the model's is.
Names and sizes of weights are those of `transformers`' Mamba2, so that weights go from one to the other.

Shapes:
    batch  sequences    length  their steps    heads  of the state space    head  numbers per head    state  its size

References:
    [1] Dao and Gu, Transformers are SSMs, arXiv 2405.21060, section 6 and listing 1.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from codecsense.config import Config


class Mamba2Size(Config):
    """Sizes of a block, beside its width."""

    expand: int  # inner width, in widths
    head: int  # numbers per head
    state: int  # of each head's number
    window: int  # steps that the convolution before the scan sees
    chunk: int  # steps per matrix product; changes no result


def scan(
    inputs: Float[Tensor, "batch length heads head"],
    log_decay: Float[Tensor, "batch length heads"],
    write: Float[Tensor, "batch length state"],
    read: Float[Tensor, "batch length state"],
    *,
    chunk: int,
) -> Float[Tensor, "batch length heads head"]:
    """What every step reads from the state, `log_decay` (at most 0) being what a step leaves of the one before [1]."""
    length = inputs.shape[1]
    short = -length % min(chunk, length)
    size = min(chunk, length)
    x, decay, b, c = (
        functional.pad(part.transpose(1, -1), (0, short)).transpose(1, -1).unflatten(1, (-1, size))
        for part in (inputs, log_decay, write, read)
    )
    summed = decay.transpose(2, 3).cumsum(-1)  # batch chunks heads size
    within = (summed[..., :, None] - summed[..., None, :]).masked_fill(_future(size, x.device), -torch.inf).exp()
    alike = (c @ b.transpose(-1, -2))[:, :, None]
    x = x.transpose(2, 3)  # batch chunks heads size head
    said: Tensor = (alike * within) @ x
    if summed.shape[1] > 1:
        kept = (summed[..., -1:] - summed).exp()[..., None] * x
        states = kept.transpose(-1, -2) @ b[:, :, None]  # batch chunks heads head state
        before = _carried(states, summed[..., -1])
        said = said + (c[:, :, None] @ before.transpose(-1, -2)) * summed.exp()[..., None]
    return said.transpose(2, 3).flatten(1, 2)[:, :length]


def _future(size: int, device: torch.device) -> Tensor:
    return torch.ones(size, size, dtype=torch.bool, device=device).triu(1)


def _carried(
    states: Float[Tensor, "batch chunks heads head state"], decay: Float[Tensor, "batch chunks heads"]
) -> Float[Tensor, "batch chunks heads head state"]:
    """The state with which each chunk starts, from what each chunk adds and how far it lets the state decay."""
    state = torch.zeros_like(states[:, 0])
    before = []
    for number in range(states.shape[1]):
        before.append(state)
        state = state * decay[:, number].exp()[..., None, None] + states[:, number]
    return torch.stack(before, 1)


class GatedNorm(nn.Module):
    """Root-mean-square normalisation of what a gate lets through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, states: Float[Tensor, "*any width"], gate: Float[Tensor, "*any width"]) -> Tensor:
        open_ = states * functional.silu(gate)
        return functional.rms_norm(open_, open_.shape[-1:], self.weight, eps=1e-5)


class Mamba2(nn.Module):
    """The mixer of a block: project, convolve, scan, gate, project back."""

    def __init__(self, *, width: int, size: Mamba2Size) -> None:
        super().__init__()
        inner = size.expand * width
        if inner % size.head:
            raise ValueError(f"an inner width of {inner} does not divide into heads of {size.head}")
        heads, seen = inner // size.head, inner + 2 * size.state
        self.size, self.split = size, [inner, seen, heads]
        self.conv1d = nn.Conv1d(seen, seen, size.window, groups=seen, padding=size.window - 1)
        self.in_proj = nn.Linear(width, inner + seen + heads, bias=False)
        step = (torch.rand(heads) * math.log(0.1 / 0.001) + math.log(0.001)).exp()
        self.dt_bias = nn.Parameter(step + (-torch.expm1(-step)).log())  # softplus of it is the step
        self.A_log = nn.Parameter(torch.arange(1.0, heads + 1).log())
        self.D = nn.Parameter(torch.ones(heads))
        self.norm = GatedNorm(inner)
        self.out_proj = nn.Linear(inner, width, bias=False)

    def forward(self, states: Float[Tensor, "batch length width"]) -> Float[Tensor, "batch length width"]:
        gate, seen, step = self.in_proj(states).split(self.split, dim=-1)
        seen = functional.silu(self.conv1d(seen.transpose(1, 2))[..., : states.shape[1]]).transpose(1, 2)
        x, write, read = seen.split([self.split[0], self.size.state, self.size.state], dim=-1)
        said = self._scanned(x, write, read, step)
        mixed: Tensor = self.out_proj(self.norm(said.to(states.dtype), gate))
        return mixed

    def _scanned(self, x: Tensor, write: Tensor, read: Tensor, step: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            time = functional.softplus(step.float() + self.dt_bias.float())
            heads = x.float().unflatten(-1, (-1, self.size.head))
            decay = -time * self.A_log.float().exp()
            said = scan(heads * time[..., None], decay, write.float(), read.float(), chunk=self.size.chunk)
            return (said + heads * self.D.float()[:, None]).flatten(2)


class Mamba2Block(nn.Module):
    """The mixer behind a normalisation, beside what it was given."""

    def __init__(self, *, width: int, size: Mamba2Size) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.mixer = Mamba2(width=width, size=size)

    def forward(self, states: Float[Tensor, "batch length width"]) -> Float[Tensor, "batch length width"]:
        mixed: Tensor = states + self.mixer(self.norm(states))
        return mixed
