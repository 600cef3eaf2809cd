"""Group-relative policy optimisation, as pure functions of tensors.

Shapes:
    prompts  of a step    samples  replies per prompt (the group)    tokens  of a reply, padded

References:
    [1] Shao et al., DeepSeekMath, arXiv 2402.03300, section 4.1.
    [2] HippoVLM, CVPR 2026, VANAO.
    [3] Schulman, Approximating KL divergence, 2020: the estimator k3.
    [4] Rafailov et al., Direct preference optimization, arXiv 2305.18290, eq. 7.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid

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


def extremes(
    rewards: Float[Tensor, "prompts samples"],
) -> tuple[Int[Tensor, " prompts"], Int[Tensor, " prompts"], Bool[Tensor, " prompts"]]:
    """The best and the worst reply of each group, the first of equals, and whether they differ at all."""
    better, worse = rewards.argmax(1), rewards.argmin(1)
    return better, worse, rewards.amax(1) > rewards.amin(1)


def dpo_loss(
    *,
    chosen: Float[Tensor, " pairs"],
    rejected: Float[Tensor, " pairs"],
    reference_chosen: Float[Tensor, " pairs"],
    reference_rejected: Float[Tensor, " pairs"],
    beta: float,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Minus the log-likelihood that the better reply is preferred [4], and the share of pairs in which it is.

    Each number is the log-probability of a whole reply. Without pairs the loss is 0; a mean over none would be NaN.
    """
    margin = (chosen - reference_chosen) - (rejected - reference_rejected)
    if not len(margin):
        return chosen.sum(), torch.zeros(())
    return -logsigmoid(beta * margin).mean(), (margin > 0).float().mean()


def token_log_probabilities(
    logits: Float[Tensor, "*any vocabulary"], ids: Int[Tensor, "*any"]
) -> Float[Tensor, "*any"]:
    """Log-probability of each id under the logits of its place."""
    return torch.gather(logits.log_softmax(-1), -1, ids[..., None])[..., 0]
