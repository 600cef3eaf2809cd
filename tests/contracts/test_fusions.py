"""The promises of `codecsense.adapter.fusions`, held by every file of the folder."""

from typing import Any

import pytest
import tiny_twins
import torch
from torch import Tensor, nn

from codecsense.adapter import FusionConfig
from codecsense.config import variants

EXAMPLES: dict[str, dict[str, Any]] = {  # the choices of each fusion
    "compressed_stream": {"steps": 3},
    "concat": {},
    "concat_mlp": {},
    "gated": {},
    "softmax": {},
    "weighted_sum": {},
}
FUSIONS = variants("codecsense.adapter.fusions")
WEIGHERS = ("gated", "softmax", "weighted_sum")  # give back a mixture of their operands
WIDTH = 8


def chosen(name: str) -> FusionConfig:
    assert name in EXAMPLES, "say here how to choose this fusion"
    return tiny_twins.settings(adapter__fusion={"name": name, **EXAMPLES[name]}).adapter.fusion


def built(name: str, *, std: float = 0.0) -> tuple[nn.Module, int]:
    """A fusion and its number of operands; with `std`, weights drawn that wide."""
    torch.manual_seed(0)
    settings = chosen(name)
    operands = 3 if settings.together else 2
    fusion = settings.build(width=WIDTH, operands=operands)
    if std:
        for weight in fusion.parameters():
            nn.init.normal_(weight, std=std)
    return fusion, operands


def described(operands: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(2, 4, 3, WIDTH, generator=draw) for _ in range(operands)]


@pytest.mark.parametrize("name", FUSIONS)
def test_descriptions_become_one_of_the_same_shape(name: str):
    fusion, operands = built(name)
    assert fusion(*described(operands)).shape == (2, 4, 3, WIDTH)


@pytest.mark.parametrize("name", FUSIONS)
def test_every_operand_is_read_and_every_weight_learns(name: str):
    fusion, operands = built(name)
    states = [state.requires_grad_() for state in described(operands)]
    (fusion(*states) * torch.randn(2, 4, 3, WIDTH)).sum().backward()
    assert all(state.grad is not None and state.grad.any() for state in states)
    assert all(weight.grad is not None and weight.grad.any() for weight in fusion.parameters())


@pytest.mark.parametrize("name", FUSIONS)
def test_intervals_are_fused_apart(name: str):
    fusion, operands = built(name)
    states = described(operands)
    changed = [state.clone() for state in states]
    changed[0][0, 0, 0] += 1.0
    assert torch.equal(fusion(*states)[1], fusion(*changed)[1])
    assert torch.equal(fusion(*states)[0, 1:], fusion(*changed)[0, 1:])
    assert not torch.allclose(fusion(*states)[0, 0, 0], fusion(*changed)[0, 0, 0])


@pytest.mark.parametrize("name", WEIGHERS)
def test_agreeing_streams_pass_through_whatever_the_gate_says(name: str):
    fusion, operands = built(name, std=3.0)
    said = torch.randn(5, 3, WIDTH)
    torch.testing.assert_close(fusion(*[said] * operands), said)


@pytest.mark.parametrize("name", WEIGHERS)
def test_a_mixture_never_leaves_the_range_of_its_operands(name: str):
    fusion, operands = built(name, std=3.0)
    states = described(operands)
    fused, all_of_them = fusion(*states), torch.stack(states)
    assert (fused >= all_of_them.amin(0) - 1e-6).all()
    assert (fused <= all_of_them.amax(0) + 1e-6).all()


@pytest.mark.parametrize("name", [*WEIGHERS, "compressed_stream"])
def test_shares_add_up_to_one_and_explain_the_mixture(name: str):
    fusion, operands = built(name, std=1.0)
    states = described(operands)
    shares = fusion.shares(*states)
    assert shares.min() >= 0
    torch.testing.assert_close(shares.sum(0), torch.ones(2, 4, 3, WIDTH))
    if name in WEIGHERS:
        torch.testing.assert_close((shares * torch.stack(states)).sum(0), fusion(*states))


def test_a_gate_for_other_steps_says_what_to_set():
    fusion, _ = built("compressed_stream")
    with pytest.raises(ValueError, match=r"a gate for 3 steps was given 5; set `fusion.steps`"):
        fusion(torch.randn(1, 5, WIDTH), torch.randn(1, 5, WIDTH))


def test_the_gate_of_full_size_may_trust_late_maps_less():
    fusion, _ = built("compressed_stream")
    with torch.no_grad():
        fusion.step[2] = -40.0
    trust, _ = fusion.shares(*described(2))
    assert trust[..., 2, :].max() < 1e-6
    assert trust[..., 0, :].min() > 1e-3
