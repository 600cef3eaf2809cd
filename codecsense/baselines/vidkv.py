"""Keys and values of visual tokens in less than two bits, in the manner of VidKV [1].

Keys are quantised per channel: the channels that spread most in two bits, the others in one bit of their spectrum over
the tokens, their mean kept apart. Values are quantised per channel to three levels, 1.58 bits. Text is kept as it is.
What is kept here is what a reader of the codes would get back; the bits are those of the codes and of the two 16-bit
numbers by which each group is read. VidKV's two bits for salient tokens are not part of this.

References:
    [1] VidKV, plug-and-play KV cache quantization below 2 bits, arXiv 2503.16257.
"""

from collections.abc import Sequence
from math import log2
from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, Watched, evenly, laid_out, layers, seen_by
from codecsense.hosts import Host
from codecsense.model import CodecSense
from codecsense.sequence import PICTURE

SCALE_BITS = 32  # of the smallest and the largest number of a group


class Low(NamedTuple):
    """States as they are read back, and the bits that hold them."""

    states: Tensor
    bits: float


class Settings(Rival):
    """Which share of the keys' channels gets two bits, and how many levels a value has."""

    fires: ClassVar[str] = "numbers held in few bits"
    ratio: ClassVar[tuple[str, str, str] | None] = ("bits per number", "bits", "numbers held in few bits")
    name: Literal["vidkv"]
    pictures: int
    wide_channels: float
    value_levels: int

    def show(self, model: CodecSense, view: View, questions: Sequence[list[int]], tally: Tally) -> Shown:
        """The same pictures as the dense rival."""
        chosen = evenly(len(view.pictures), self.pictures)
        return laid_out(model.host, seen_by(model.host, view.pictures[chosen]))

    def read(self, host: Host, shown: Shown, tally: Tally) -> Watched:
        """All at once, then the visual entries in few bits."""
        watched = super().read(host, shown, tally)
        visual = shown.kinds[0] == PICTURE
        bits = numbers = 0.0
        for layer in layers(watched.memory):
            keys = low_keys(layer.keys[:, :, visual].float(), self.wide_channels)
            values = low(layer.values[:, :, visual].float(), self.value_levels)
            layer.keys[:, :, visual] = keys.states.to(layer.keys)
            layer.values[:, :, visual] = values.states.to(layer.values)
            bits += keys.bits + values.bits
            numbers += keys.states.numel() + values.states.numel()
        if bits >= 16 * numbers:
            raise ValueError(f"{bits / numbers:.1f} bits per number are no fewer than 16; show more pictures")
        tally["numbers held in few bits"] += int(numbers)
        tally["bits"] += round(bits)
        return watched


def low(states: Float[Tensor, "rows heads tokens channels"], levels: int) -> Low:
    """Each channel of each head in `levels` even steps from its smallest to its largest number."""
    least, most = states.amin(2, keepdim=True), states.amax(2, keepdim=True)
    step = ((most - least) / (levels - 1)).clamp_min(torch.finfo(states.dtype).tiny)
    codes = ((states - least) / step).round().clamp(0, levels - 1)
    groups = states.numel() // states.shape[2]
    return Low(codes * step + least, states.numel() * log2(levels) + groups * SCALE_BITS)


def low_keys(keys: Float[Tensor, "rows heads tokens channels"], wide: float) -> Low:
    """The channels that spread most in two bits, the others in one bit of their spectrum."""
    spread = keys.amax(2) - keys.amin(2)
    count = round(wide * keys.shape[-1])
    order = spread.argsort(-1, descending=True)[:, :, None].expand_as(keys)
    sorted_keys = keys.gather(-1, order)
    two = low(sorted_keys[..., :count], 4)
    one = low_spectrum(sorted_keys[..., count:])
    states = torch.empty_like(keys).scatter(-1, order, torch.cat([two.states, one.states], dim=-1))
    return Low(states, two.bits + one.bits)


def low_spectrum(states: Float[Tensor, "rows heads tokens channels"]) -> Low:
    """Of each channel its mean, and of every other frequency the signs of both parts at the part's mean size."""
    spectrum = torch.fft.rfft(states, dim=2)
    waves = [spectrum.real[:, :, 1:], spectrum.imag[:, :, 1:]]
    signs = [torch.where(part < 0, -1.0, 1.0) * part.abs().mean(2, keepdim=True) for part in waves]
    zero = spectrum.real[:, :, :1]
    found = torch.complex(torch.cat([zero, signs[0]], dim=2), torch.cat([zero * 0, signs[1]], dim=2))
    groups = states.numel() // states.shape[2]
    bits = sum(part.numel() for part in waves) + groups * (SCALE_BITS + SCALE_BITS / 2)  # two sizes and the mean
    return Low(torch.fft.irfft(found, n=states.shape[2], dim=2), float(bits))
