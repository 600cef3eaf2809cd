"""Connectors: from the audio encoder's states to tokens of the host."""

import pytest
import tiny_twins
import torch

from codecsense.audio.branch import AudioBranch, AudioConfig
from codecsense.model import CodecSense

QFORMER = {"name": "qformer", "layers": 2, "heads": 2}


def settings(**changes: object) -> AudioConfig:
    return tiny_twins.settings(**{f"audio__{key}": value for key, value in changes.items()}).audio


def branch(**changes: object) -> AudioBranch:
    torch.manual_seed(0)
    sizes = {"sound_width": tiny_twins.SOUND_WIDTH, "host_width": tiny_twins.WIDTH}
    return AudioBranch(settings(**changes), intervals=tiny_twins.INTERVALS, **sizes)


@pytest.mark.parametrize("connector", [{"name": "mlp"}, QFORMER], ids=["mlp", "qformer"])
def test_every_connector_makes_the_tokens_of_every_interval_from_its_own_states(connector: dict[str, object]):
    made = branch(connector=connector)
    states = torch.randn(2, tiny_twins.INTERVALS, tiny_twins.PIECES, tiny_twins.SOUND_WIDTH)
    other = states.clone()
    other[:, 1] = torch.randn(other[:, 1].shape)
    tokens, moved = made(states).unflatten(1, (3, -1)), made(other).unflatten(1, (3, -1))
    assert tokens.shape == (2, 3, 2, tiny_twins.WIDTH)
    assert torch.equal(tokens[:, [0, 2]], moved[:, [0, 2]])
    assert not torch.allclose(tokens[:, 1], moved[:, 1])
    tokens.square().sum().backward()
    unused = {name for name, weight in made.named_parameters() if weight.grad is None}
    assert not unused


@pytest.mark.parametrize("tokens", [1, 5])
def test_a_q_former_makes_any_number_of_tokens_and_a_perceptron_does_not(tokens: int):
    states = torch.randn(2, tiny_twins.INTERVALS, tiny_twins.PIECES, tiny_twins.SOUND_WIDTH)
    assert branch(connector=QFORMER, tokens=tokens)(states).shape == (2, 3 * tokens, tiny_twins.WIDTH)
    with pytest.raises(ValueError, match=f"model.audio.tokens {tokens} must be model.audio.pieces 2"):
        branch(tokens=tokens)


def test_a_q_former_knows_the_order_of_states():
    """Attention as it is drawn says little, so its layers are drawn larger here."""
    made = branch(connector=QFORMER)
    for weight in made.connector.layers.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight)
    states = torch.randn(1, tiny_twins.INTERVALS, tiny_twins.PIECES, tiny_twins.SOUND_WIDTH)
    torch.nn.init.normal_(made.connector.time)
    assert (made(states) - made(states.flip(2))).abs().max() > 1e-2
    torch.nn.init.zeros_(made.connector.time)
    torch.testing.assert_close(made(states), made(states.flip(2)), atol=1e-5, rtol=0.0)


def test_a_model_hears_through_a_q_former(tmp_path_factory: pytest.TempPathFactory):
    model: CodecSense = tiny_twins.model(audio__connector=QFORMER, audio__tokens=3)
    clips = tiny_twins.clips(tmp_path_factory.mktemp("clips"), 2)
    out = model.generate(clips.batch(torch.tensor([0, 1])), [[1, 2], [3]], max_new_tokens=2)
    assert out.shape == (2, 2)
    assert model.context_tokens == tiny_twins.model().context_tokens + tiny_twins.INTERVALS
