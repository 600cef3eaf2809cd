"""Losses as pure functions of tensors.

Shapes:
    words  of all answers of a batch    pairs  things to be told apart    width  of the compared vectors

References:
    [1] HY-Himmel technical report, arXiv 2605.08158, eq. 6-7 and 9.
    [2] van den Oord et al., Representation learning with contrastive predictive coding, arXiv 1807.03748.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def answer_loss(logits: Float[Tensor, "words vocabulary"], words: Int[Tensor, " words"]) -> Float[Tensor, ""]:
    """Mean cross-entropy over the words of answers [1, eq. 9]; 0 where nothing is answered (a mean would be NaN)."""
    return functional.cross_entropy(logits, words) if len(words) else logits.sum()


def info_nce(
    codes: Float[Tensor, "pairs width"], targets: Float[Tensor, "pairs width"], inverse_temperature: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Bidirectional InfoNCE: each code must know its own target among all, and each target its code [1, eq. 6; 2].

    Without pairs there is nothing to learn and the loss is 0; a mean over none would be NaN, and end the training.
    """
    if not len(codes):
        return codes.sum()
    scores = inverse_temperature * functional.normalize(codes, dim=-1) @ functional.normalize(targets, dim=-1).T
    own = torch.arange(len(scores), device=scores.device)
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2


def cosine_distance(codes: Float[Tensor, "pairs width"], targets: Float[Tensor, "pairs width"]) -> Float[Tensor, ""]:
    """Mean of 1 - cos, the report's regulariser [1, eq. 7]; 0 without pairs."""
    if not len(codes):
        return codes.sum()
    return (1 - functional.cosine_similarity(codes, targets, dim=-1)).mean()


def feature_error(codes: Float[Tensor, "pairs width"], targets: Float[Tensor, "pairs width"]) -> Float[Tensor, ""]:
    """Mean squared error, the report's ablation of the contrast [1, section Q]; 0 without pairs."""
    return functional.mse_loss(codes, targets) if len(codes) else codes.sum()


def retrieval_accuracy(codes: Float[Tensor, "pairs width"], targets: Float[Tensor, "pairs width"]) -> float:
    """Share of codes whose nearest target, by cosine, is their own; NaN without codes."""
    if not len(codes):
        return float("nan")
    scores = functional.normalize(codes, dim=-1) @ functional.normalize(targets, dim=-1).T
    return float((scores.argmax(1) == torch.arange(len(scores), device=scores.device)).float().mean())
