"""Many replies to one prompt: pictures, senses and prompt are read once, their cache is shared by all samples.

`generate` of transformers repeats a prompt for each of its samples and reads every copy. Here each prompt is read
once, its keys and values are repeated, and only words of replies are computed per sample. Positions are given
explicitly, as the prefix and the text behind it have them.

Shapes:
    prompts  given at once    answers  prompts x samples, in order    length  of the longest prompt with its prefix
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from codecsense.sequence import Prefix, behind

if TYPE_CHECKING:
    from codecsense.hosts._hub import HubHost


@torch.no_grad()
def sample(
    host: "HubHost",
    prompts: Sequence[Int[Tensor, " _"]],
    prefixes: Sequence[Prefix],
    *,
    pictures: Float[Tensor, "batch patches seen"] | None,
    injected: Sequence[tuple[int, Tensor]],
    max_new_tokens: int,
    samples: int,
    temperature: float,
    seed: int,
) -> Int[Tensor, "answers new_tokens"]:
    """New tokens after prefix + prompt; padding follows the end of a reply. The likeliest ones at temperature 0."""
    generator = torch.Generator(device=host.device).manual_seed(seed)
    ids, positions, there = (part.to(host.device) for part in _left_padded(host, prompts, prefixes))
    with host.injection.of(injected):
        read = host.model(
            input_ids=ids,
            position_ids=host.positions(positions),
            attention_mask=_mask(host, there, queries=ids.shape[1]),
            mm_encoder_outputs=host.encoder_outputs(pictures),
            use_cache=True,
            logits_to_keep=1,
        )
    cache = read.past_key_values
    cache.batch_repeat_interleave(samples)
    there, at = (each.repeat_interleave(samples, 0) for each in (there, positions.amax((0, 2)) + 1))
    logits = read.logits[:, -1].repeat_interleave(samples, 0)
    said: list[Tensor] = []
    ended = torch.zeros(len(logits), dtype=torch.bool, device=host.device)
    while True:
        words = _choose(logits, host.banned, temperature, generator).masked_fill(ended, host.tokenizer.pad_token_id)
        said.append(words)
        ended = ended | (words == host.specials.end)
        if len(said) == max_new_tokens or bool(ended.all()):
            return torch.stack(said, 1)
        there = torch.cat([there, torch.ones_like(there[:, :1])], 1)
        logits = host.model(
            input_ids=words[:, None],
            position_ids=host.positions((at + len(said) - 1).expand(len(positions), -1)[..., None]),
            attention_mask=_mask(host, there, queries=1),
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]


def _left_padded(
    host: "HubHost", prompts: Sequence[Tensor], prefixes: Sequence[Prefix]
) -> tuple[Int[Tensor, "prompts length"], Int[Tensor, "axes prompts length"], Bool[Tensor, "prompts length"]]:
    rows = []
    for start, prompt in zip(prefixes, prompts, strict=True):
        if start.positions is None:
            raise ValueError("a prefix needs its host's positions before a prompt stands behind it")
        after = torch.arange(len(prompt)) + behind(start.positions)
        rows.append(
            (torch.cat([start.ids, prompt]), torch.cat([start.positions, after.expand(len(start.positions), -1)], 1))
        )
    length = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), length), int(host.tokenizer.pad_token_id))
    positions = torch.zeros((len(rows[0][1]), len(rows), length), dtype=torch.long)
    there = torch.zeros(len(rows), length, dtype=torch.bool)
    for number, (own, at) in enumerate(rows):
        ids[number, length - len(own) :], positions[:, number, length - len(own) :] = own, at
        there[number, length - len(own) :] = True
    return ids, positions, there


def _mask(host: "HubHost", there: Bool[Tensor, "rows keys"], *, queries: int) -> Any:
    """Who sees whom, as the host's implementation of attention wants to be told: backwards, and no padding."""
    if host.settings.attention == "flash_attention_2":
        return there.long()
    keys = there.shape[1]
    past = torch.ones(queries, keys, dtype=torch.bool, device=there.device).tril(keys - queries)
    itself = torch.eye(keys, dtype=torch.bool, device=there.device)[keys - queries :]
    seen = (past & there[:, None] | itself)[:, None]
    if host.settings.attention == "eager":
        dtype = host.bare.dtype
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)
    return seen


def _choose(
    logits: Float[Tensor, "answers vocabulary"], banned: Sequence[int], temperature: float, generator: torch.Generator
) -> Int[Tensor, " answers"]:
    logits = logits.float()
    logits[:, list(banned)] = -torch.inf
    if temperature == 0:
        return logits.argmax(-1)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]
