"""The Q-former of BLIP-2, as motion and sound use it: learned queries that read a set through cross attention.

References:
    [1] Li et al., BLIP-2, arXiv 2301.12597, section 3.1.
    [2] Zhang et al., Video-LLaMA, arXiv 2306.02858, sections 2.1 and 2.2.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import Blip2QFormerModel


def qformer(*, width: int, layers: int, heads: int) -> "Blip2QFormerModel":
    """Layers of one width, each of which reads the set, without dropout; drawn from torch's generator."""
    from transformers import Blip2QFormerConfig, Blip2QFormerModel

    return Blip2QFormerModel(
        Blip2QFormerConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            cross_attention_frequency=1,
            encoder_hidden_size=width,
        )
    )
