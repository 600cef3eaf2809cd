"""Reading in stretches: tokens behind a memory of keys and values that the caller may change between two stretches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from codecsense.hosts import Reading

if TYPE_CHECKING:
    from transformers import Cache

    from codecsense.hosts._hub import HubHost


@torch.no_grad()
def extend(
    host: "HubHost",
    ids: Int[Tensor, "rows length"],
    positions: Int[Tensor, "axes rows length"],
    *,
    memory: "Cache",
    pictures: Float[Tensor, "rows patches seen"] | None,
    injected: Sequence[tuple[int, Tensor]],
    watched: bool,
) -> Reading:
    """Scores after a stretch of tokens, by which `memory` grows; see `Host.extend`."""
    with host.injection.of(injected), _seen(host, watched):
        out = cast(Any, host.model)(
            input_ids=ids.to(host.device),
            position_ids=host.positions(positions).to(host.device),
            mm_encoder_outputs=host.encoder_outputs(pictures),
            past_key_values=memory,
            use_cache=True,
            output_attentions=watched,
            logits_to_keep=1,
        )
    return Reading(out.logits[:, -1], list(out.attentions) if watched else [])


@contextmanager
def _seen(host: "HubHost", watched: bool) -> Iterator[None]:
    """Inside, the language model computes its attention in the open, if it is to be watched."""
    if not watched:
        yield
        return
    try:
        host.body.language_model.set_attn_implementation("eager")
        yield
    finally:
        host.body.language_model.set_attn_implementation(host.settings.attention)
