"""Tiny hosts that say something, and what the contract tests of hosts give them to read."""

from collections.abc import Sequence
from typing import Any

import tiny_twins
import torch
from torch import Tensor

from codecsense.config import variants
from codecsense.hosts import Host
from codecsense.sequence import Layout, Packed, Prefix, Text, pack, prefix

NAMES = variants("codecsense.hosts")
PLACED = [(name, mode) for name in NAMES for mode in ("text", "grid") if mode == "text" or name.startswith("qwen")]
LAYOUT = Layout(anchors=2, grid=2, motion_tokens=4, audio_tokens=2)
PLAIN = ("<think", "</think", "<info", "</info", "<answer", "</answer")  # of two-stage answers
Injected = Sequence[tuple[int, Tensor]]


def built(name: str, **changes: Any) -> Host:
    """A tiny host that says something: as it is drawn it repeats the last word, whatever it sees."""
    host = tiny_twins.host(**tiny_twins.HOSTS[name] | changes).eval()
    generator = torch.Generator().manual_seed(0)
    for weight in host.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.3, generator=generator)
    return type(host)(host.bare, host.tokenizer, host.settings)  # what it puts into its weights, as when it is loaded


def start_of(host: Host, layout: Layout = LAYOUT) -> Prefix:
    return host.place(prefix(layout, host.specials), grid=layout.grid)


def features(host: Host, batch: int, layout: Layout = LAYOUT) -> tuple[Tensor, Injected]:
    """Pictures, and motion and sound to inject."""
    generator = torch.Generator().manual_seed(batch)
    pictures = torch.randn(batch, layout.anchors * layout.grid**2, host.seen, generator=generator)
    motion = torch.randn(batch, layout.motion_tokens, host.width, generator=generator)
    sound = torch.randn(batch, layout.audio_tokens, host.width, generator=generator)
    return pictures, [(host.specials.motion_pad, motion), (host.specials.audio_pad, sound)]


def words(host: Host, said: str) -> list[int]:
    found: list[int] = host.tokenizer(said, add_special_tokens=False)["input_ids"]
    return found


def texts(host: Host) -> list[list[Text]]:
    asked = ["what did it do ?", "describe part one :", "what ?"]
    answers = ["left", "red go left", "n2"]
    return [
        [Text(words(host, q), [*words(host, a), host.specials.end]) for q, a in zip(asked, answers, strict=True)]
    ] * 2


def packed(host: Host, said: Sequence[Sequence[Text]] | None = None) -> Packed:
    said = texts(host) if said is None else said
    return pack([start_of(host)] * len(said), said, pad=host.tokenizer.pad_token_id)


@torch.no_grad()
def scores(host: Host, read: Packed, injected: Injected) -> Tensor:
    return host.logits(read, pictures=features(host, len(read.ids))[0], injected=injected)


def generate(host: Host, prompts: Sequence[list[int]], given: tuple[Tensor, Injected], **changes: Any) -> Tensor:
    how = {"max_new_tokens": 6, "samples": 1, "temperature": 0.0, "seed": 0} | changes
    pictures, injected = given
    starts = [start_of(host)] * len(prompts)
    return host.generate(
        [torch.tensor(prompt) for prompt in prompts],
        starts,
        grid=LAYOUT.grid,
        pictures=pictures,
        injected=injected,
        **how,
    )


def sample(host: Host, prompts: Sequence[list[int]], given: tuple[Tensor, Injected], **changes: Any) -> Tensor:
    how = {"max_new_tokens": 6, "samples": 1, "temperature": 0.0, "seed": 0} | changes
    pictures, injected = given
    starts = [start_of(host)] * len(prompts)
    return host.sample([torch.tensor(each) for each in prompts], starts, pictures=pictures, injected=injected, **how)


def of_row(given: tuple[Tensor, Injected], row: int) -> tuple[Tensor, Injected]:
    return given[0][row : row + 1], [(token, rows[row : row + 1]) for token, rows in given[1]]


@torch.no_grad()
def step_by_step(host: Host, prompt: list[int], given: tuple[Tensor, Injected], steps: int) -> list[int]:
    said: list[int] = []
    while len(said) < steps and (not said or said[-1] != host.specials.end):
        read = pack([start_of(host)], [[Text([*prompt, *said], [])]], pad=host.tokenizer.pad_token_id)
        last = host.logits(read, pictures=given[0], injected=given[1])[0, -1]
        last[banned(host)] = -torch.inf
        said.append(int(last.argmax()))
    return said


def banned(host: Host) -> list[int]:
    """Ids that no reply may hold: placeholders and what structures a prefix, those of a video too."""
    names = [name for name in host.tokenizer.get_vocab() if name.startswith("<") and name != "<|endoftext|>"]
    found = [host.tokenizer.convert_tokens_to_ids(name) for name in names if not name.startswith(PLAIN)]
    return [token for token in found if token not in (host.specials.end, host.tokenizer.unk_token_id)]


def shown(host: Host, count: int, *, grid: int) -> Tensor:
    """Pictures that become `grid` x `grid` tokens each."""
    side = grid * host.block_px
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def likelihood(host: Host, prompt: list[int], given: tuple[Tensor, Injected], said: Tensor) -> float:
    """Mean log-probability of a reply, up to its end, as beam search counts it."""
    ended = (said == host.specials.end).nonzero()
    tokens = said[: int(ended[0]) + 1] if len(ended) else said
    read = pack([start_of(host)], [[Text(prompt, tokens.tolist())]], pad=host.tokenizer.pad_token_id)
    logits = host.logits(read, pictures=given[0], injected=given[1])[0, -len(tokens) - 1 : -1]
    return float(logits.log_softmax(-1).gather(1, tokens[:, None]).mean())
