"""The mathematics of group-relative optimisation, with four numbers."""

from math import exp, log

import pytest
import torch

from codecsense.training.policy import dpo_loss, extremes, group_advantages, policy_loss, token_log_probabilities


def test_a_unanimous_group_teaches_exactly_nothing():
    for by in ("group_std", "group_mean", "batch_std"):
        rewards = torch.tensor([[0.7] * 8, [0.1 + 0.2] * 8])
        assert group_advantages(rewards, by=by).abs().max() == 0


def test_samples_compete_only_within_their_group():
    rewards = torch.tensor([[0.0, 1.0], [50.0, 90.0]])
    torch.testing.assert_close(group_advantages(rewards, by="group_std"), torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]))


def test_a_group_needs_two_replies():
    with pytest.raises(ValueError, match="at least 2"):
        group_advantages(torch.ones(3, 1), by="group_std")


def test_a_bonus_for_the_whole_group_cancels_under_its_own_spread_and_only_there():
    right = torch.tensor([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    paid = right * torch.tensor([[1.5], [1.0]])
    plain = {by: group_advantages(right, by=by) for by in ("group_std", "group_mean", "batch_std")}
    bonus = {by: group_advantages(paid, by=by) for by in plain}
    torch.testing.assert_close(plain["group_std"], bonus["group_std"])
    assert not torch.allclose(plain["group_mean"], bonus["group_mean"])
    assert not torch.allclose(plain["batch_std"], bonus["batch_std"])


def test_at_the_start_the_loss_is_minus_the_mean_advantage():
    scores, said = torch.randn(4, 3), torch.ones(4, 3, dtype=torch.bool)
    advantages = torch.tensor([1.0, -1.0, 0.5, 2.0])
    loss, kl = policy_loss(scores, scores, scores, advantages, said, clip=0.2, kl_weight=0.04)
    torch.testing.assert_close(loss, -advantages.mean())
    assert kl == 0


def test_the_kl_estimate_is_never_negative():
    new, reference = torch.randn(100, 5), torch.randn(100, 5)
    said = torch.ones(100, 5, dtype=torch.bool)
    assert policy_loss(new, new, reference, torch.zeros(100), said, clip=0.2, kl_weight=1.0)[1] > 0


def test_what_was_not_said_does_not_count():
    new = torch.randn(2, 4)
    said = torch.tensor([[True, True, False, False], [True, True, True, True]])
    changed = new.where(said, torch.tensor(99.0))
    same = [policy_loss(x, x, x * 0, torch.ones(2), said, clip=0.2, kl_weight=0.1)[0] for x in (new, changed)]
    assert torch.equal(*same)


def test_a_policy_beyond_the_clip_gets_no_more_gradient():
    old = torch.zeros(1, 1)
    new = torch.full((1, 1), 1.0, requires_grad=True)
    loss, _ = policy_loss(new, old, old, torch.ones(1), torch.ones(1, 1, dtype=torch.bool), clip=0.2, kl_weight=0.0)
    loss.backward()
    assert new.grad is not None
    assert new.grad.item() == 0


def test_log_probabilities_are_those_of_the_softmax():
    logits = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    torch.testing.assert_close(token_log_probabilities(logits, torch.tensor([[0, 1]])), torch.full((1, 2), 0.5).log())


def test_the_preferred_reply_is_the_one_that_gains_most_over_the_reference():
    """Four numbers: the margin is (-1 + 2) - (-3 + 2) = 2, and the loss -log sigmoid(0.5 x 2) = log(1 + 1/e)."""
    loss, right = dpo_loss(
        chosen=torch.tensor([-1.0]),
        rejected=torch.tensor([-3.0]),
        reference_chosen=torch.tensor([-2.0]),
        reference_rejected=torch.tensor([-2.0]),
        beta=0.5,
    )
    assert float(loss) == pytest.approx(log(1 + exp(-1)))
    assert right == 1


def test_without_pairs_there_is_nothing_to_prefer():
    none = torch.zeros(0, requires_grad=True)
    loss, _ = dpo_loss(chosen=none, rejected=none, reference_chosen=none, reference_rejected=none, beta=0.1)
    loss.backward()
    assert loss == 0


def test_a_pair_is_the_best_and_the_worst_of_a_group_that_differs():
    better, worse, differs = extremes(torch.tensor([[0.0, 2.0, 1.0], [1.0, 1.0, 1.0]]))
    assert (better[0], worse[0]) == (1, 0)
    assert differs.tolist() == [True, False]


def test_batch_std_measures_all_groups_with_one_yardstick():
    """Centred: +-1 and +-3, so the spread is sqrt((1 + 1 + 9 + 9) / 4) = sqrt(5)."""
    found = group_advantages(torch.tensor([[0.0, 2.0], [0.0, 6.0]]), by="batch_std")
    torch.testing.assert_close(found, torch.tensor([[-1.0, 1.0], [-3.0, 3.0]]) / 5**0.5)


def test_the_kl_estimate_is_k3_of_four_numbers():
    new, reference = torch.tensor([[0.0, 0.0, -1.0, -1.0]]), torch.tensor([[0.0, -1.0, -1.0, 0.0]])
    said = torch.ones(1, 4, dtype=torch.bool)
    _, kl = policy_loss(new, new, reference, torch.zeros(1), said, clip=0.2, kl_weight=1.0)
    assert float(kl) == pytest.approx((0 + (exp(-1) + 1 - 1) + 0 + (exp(1) - 1 - 1)) / 4)
