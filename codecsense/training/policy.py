"""Group-relative policy optimisation, as pure functions of tensors.

Shapes:
    prompts  of a step    samples  replies per prompt (the group)    tokens  of a reply, padded

References:
    [1] Shao et al., DeepSeekMath, arXiv 2402.03300, section 4.1.
    [2] HippoVLM, CVPR 2026, VANAO.
    [3] Schulman, Approximating KL divergence, 2020: the estimator k3.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Normalisation = Literal["group_std", "group_mean", "batch_std"]


def group_advantages(
    rewards: Float[Tensor, "prompts samples"], *, by: Normalisation
) -> Float[Tensor, "prompts samples"]:
    """How much better each reply is than its group: standardised [1, 2], centred only, or over the batch's spread.

    A unanimous group teaches nothing, so its advantages are exactly zero: dividing its rounding noise by a small
    epsilon, as is common, would turn it into a signal.
    """
    if rewards.shape[1] < 2:
        raise ValueError(f"a group needs at least 2 replies to compare, not {rewards.shape[1]}")
    unanimous = rewards.amax(1, keepdim=True) == rewards.amin(1, keepdim=True)
    centred = (rewards - rewards.mean(1, keepdim=True)).where(~unanimous, torch.zeros(()))
    if by == "group_mean":
        return centred
    spread = rewards.std(1, keepdim=True, correction=0) if by == "group_std" else centred.square().mean().sqrt()
    return torch.where(centred == 0, torch.zeros(()), centred / spread)


def policy_loss(
    new: Float[Tensor, "replies tokens"],
    old: Float[Tensor, "replies tokens"],
    reference: Float[Tensor, "replies tokens"],
    advantages: Float[Tensor, " replies"],
    said: Bool[Tensor, "replies tokens"],
    *,
    clip: float,
    kl_weight: float,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The clipped surrogate plus the KL to the reference, averaged per reply and then over replies [1]; and that KL."""
    ratio = (new - old).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - clip, 1 + clip) * advantages[:, None])
    away = reference - new
    kl = away.exp() - away - 1  # k3: unbiased and never negative [3]
    lengths = said.sum(1).clamp(min=1)
    loss = -((gain - kl_weight * kl) * said).sum(1) / lengths
    mean_kl = (kl * said).sum() / said.sum().clamp(min=1)
    return loss.mean(), mean_kl.detach()


def token_log_probabilities(
    logits: Float[Tensor, "*any vocabulary"], ids: Int[Tensor, "*any"]
) -> Float[Tensor, "*any"]:
    """Log-probability of each id under the logits of its place."""
    return torch.gather(logits.log_softmax(-1), -1, ids[..., None])[..., 0]
