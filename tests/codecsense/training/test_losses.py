"""Losses that do what their papers say."""

from math import log

import torch

from codecsense.sequence import IGNORED
from codecsense.training.losses import answer_loss, cosine_distance, info_nce, retrieval_accuracy


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


def test_words_of_the_question_are_not_learned():
    logits = torch.randn(1, 5, 7)
    labels = torch.tensor([[IGNORED, IGNORED, IGNORED, 2, 6]])
    other = logits.clone()
    other[:, :2] = 50.0
    other[:, 4] = -50.0
    assert torch.equal(answer_loss(logits, labels), answer_loss(other, labels))
