"""The chunked scan against the recurrence it stands for, and the block against the one of `transformers`."""

import pytest
import torch
from torch import Tensor

from codecsense.adapter.mamba2 import Mamba2, Mamba2Block, Mamba2Size, scan

SIZE = Mamba2Size(expand=2, head=8, state=4, window=4, chunk=5)


def recurrence(inputs: Tensor, log_decay: Tensor, write: Tensor, read: Tensor) -> Tensor:
    """h_t = exp(decay_t) h_{t-1} + x_t b_t', y_t = h_t c_t, one step after the other."""
    batch, length, heads, head = inputs.shape
    state = inputs.new_zeros(batch, heads, head, write.shape[-1])
    said = []
    for step in range(length):
        written = inputs[:, step, :, :, None] * write[:, step, None, None, :]
        state = log_decay[:, step].exp()[..., None, None] * state + written
        said.append((state * read[:, step, None, None, :]).sum(-1))
    return torch.stack(said, 1)


def drawn(length: int, *, strength: float = 1.0) -> list[Tensor]:
    draw = torch.Generator().manual_seed(length)
    inputs = torch.randn(2, length, 3, 5, generator=draw, dtype=torch.float64)
    decay = -strength * torch.rand(2, length, 3, generator=draw, dtype=torch.float64)
    write, read = (torch.randn(2, length, 4, generator=draw, dtype=torch.float64) for _ in range(2))
    return [inputs, decay, write, read]


@pytest.mark.parametrize("chunk", [1, 3, 4, 7, 64])
@pytest.mark.parametrize("length", [1, 2, 7, 12, 13])
def test_chunks_of_any_size_give_the_recurrence(length: int, chunk: int):
    """In double precision, to rounding."""
    parts = drawn(length)
    torch.testing.assert_close(scan(*parts, chunk=chunk), recurrence(*parts), atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("chunk", [3, 64])
def test_gradients_are_those_of_the_recurrence(chunk: int):
    ours, theirs = drawn(10), drawn(10)
    for part in [*ours, *theirs]:
        part.requires_grad_()
    torch.sin(scan(*ours, chunk=chunk)).sum().backward()
    torch.sin(recurrence(*theirs)).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, atol=1e-10, rtol=1e-8)


def test_a_state_that_is_forgotten_at_once_overflows_nothing():
    """A decay of e^-500 a step: exp of a difference of sums must never be taken the wrong way round."""
    parts = [part.float() for part in drawn(40, strength=500.0)]
    said = scan(*parts, chunk=16)
    assert said.isfinite().all()
    torch.testing.assert_close(said, recurrence(*parts), atol=1e-4, rtol=1e-4)


def test_nothing_is_known_of_what_comes_later():
    torch.manual_seed(0)
    block = Mamba2Block(width=16, size=SIZE)
    states = torch.randn(2, 13, 16)
    changed = states.clone()
    changed[:, 9:] = 0
    assert torch.equal(block(states)[:, :9], block(changed)[:, :9])
    assert not torch.allclose(block(states)[:, 9:], block(changed)[:, 9:])


def test_the_first_step_is_remembered_across_chunks():
    torch.manual_seed(0)
    block = Mamba2Block(width=16, size=SIZE)
    states = torch.randn(1, 13, 16)
    changed = states.clone()
    changed[:, 0] = 0
    assert not torch.allclose(block(states)[:, 12], block(changed)[:, 12], atol=1e-6)


def test_the_mixer_says_what_that_of_transformers_says_with_the_same_weights():
    """An implementation that others use, written by others; weights go across by name."""
    from transformers import Mamba2Config
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    torch.manual_seed(0)
    ours = Mamba2(width=16, size=SIZE)
    config = Mamba2Config(
        hidden_size=16, num_heads=4, head_dim=8, state_size=4, expand=2, conv_kernel=4, n_groups=1, chunk_size=5,
        num_hidden_layers=1,
    )  # fmt: skip
    theirs = Mamba2Mixer(config, layer_idx=0)
    theirs.load_state_dict(ours.state_dict())
    states = torch.randn(3, 13, 16)
    torch.testing.assert_close(ours(states), theirs(states), atol=1e-5, rtol=1e-4)


def test_under_autocast_the_scan_stays_in_single_precision():
    """The state is summed over many steps; in bfloat16 the sum would lose what is small."""
    torch.manual_seed(0)
    block, states = Mamba2Block(width=16, size=SIZE), torch.randn(2, 12, 16)
    exact = block(states)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = block(states)
    assert (rough - exact).abs().max() < 0.02 * exact.abs().max()


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="does not divide into heads of 5"):
        Mamba2(width=16, size=SIZE.model_copy(update={"head": 5}))
