"""Losses that do what their papers say."""

from math import log

import torch

from codecsense.training.losses import answer_loss, cosine_distance, feature_error, info_nce, retrieval_accuracy


def test_codes_that_know_their_targets_lose_nothing():
    things = torch.eye(4)
    assert info_nce(things, things, torch.tensor(100.0)) < 1e-6
    assert retrieval_accuracy(things, things) == 1.0


def test_codes_that_are_all_alike_lose_as_much_as_guessing():
    torch.testing.assert_close(
        info_nce(torch.ones(8, 3), torch.randn(8, 3), torch.tensor(1.0)) >= log(8) - 1e-4, torch.tensor(True)
    )


def test_only_directions_count():
    codes, targets = torch.randn(6, 5), torch.randn(6, 5)
    for loss in (cosine_distance, lambda a, b: info_nce(a, b, torch.tensor(10.0))):
        torch.testing.assert_close(loss(codes, targets), loss(3 * codes, 0.1 * targets))


def test_every_word_of_an_answer_counts_as_much():
    """A word that is certain costs nothing, one of four alike ones log 4; their mean is half of it."""
    logits = torch.tensor([[1e4, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(answer_loss(logits, torch.tensor([0, 3])), torch.tensor(4.0).log() / 2)


def test_where_nothing_is_answered_nothing_is_learned():
    """A mean over no token used to be NaN, and one such batch the end of a run."""
    read = torch.randn(3, 7, requires_grad=True)
    loss = answer_loss(read[:0], torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss == 0
    assert read.grad is not None
    assert not read.grad.any()


def test_features_are_compared_by_their_size_too():
    codes = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert feature_error(codes, 2 * codes) == 1.25
    assert feature_error(codes[:0], codes[:0]) == 0
