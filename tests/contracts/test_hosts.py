"""The promises of `codecsense.hosts`, held by every file of the folder, built tiny."""

from collections import Counter
from pathlib import Path

import pytest
import tiny_twins
import torch
from tiny_hosts import LAYOUT, NAMES, built, features, packed, scores, shown, start_of, texts, words
from torch import Tensor

from codecsense.hosts import AUDIO_PAD, MOTION_PAD, Host
from codecsense.hosts._hub import attention_mask
from codecsense.hosts._words import word_tokenizer
from codecsense.sequence import Text, answering, pack
from codecsense.training.lora import LoRAConfig
from codecsense.training.lora import add as add_lora


def test_injection_equals_the_one_hot_form_of_the_paper(host: Host):
    read, (_, injected) = packed(host), features(host, 2)
    embedding = host.bare.get_input_embeddings()
    calls = []

    def one_hot(module: torch.nn.Module, inputs: tuple[Tensor], embedded: Tensor) -> Tensor:
        for token, rows in injected:
            at = inputs[0] == token
            hot = torch.zeros(*at.shape, rows.shape[1])
            hot[at] = torch.eye(rows.shape[1]).repeat(len(at), 1)
            embedded = (1 - hot.sum(-1, keepdim=True)) * embedded.detach() + hot @ rows
        calls.append(embedded)
        return embedded

    handle = embedding.register_forward_hook(one_hot)
    reference = scores(host, read, [])
    handle.remove()
    assert len(calls) == 1
    assert torch.equal(scores(host, read, injected), reference)


@pytest.mark.parametrize("tokens", [3, 5])
def test_features_of_another_number_than_their_places_are_refused(host: Host, tokens: int):
    wrong = [(host.specials.motion_pad, torch.randn(2, tokens, host.width))]
    with pytest.raises(ValueError, match=f"for {tokens} features"):
        scores(host, packed(host), wrong)


def test_features_without_any_place_are_refused(host: Host):
    """They used to be left out without a word, since decoding steps have no places either."""
    start = start_of(host, LAYOUT.model_copy(update={"motion_tokens": 0}))
    read = pack([start] * 2, texts(host), pad=host.tokenizer.pad_token_id)
    with pytest.raises(ValueError, match="no place"):
        scores(host, read, features(host, 2)[1])


def test_features_of_another_batch_are_refused(host: Host):
    with pytest.raises(ValueError, match="3 samples"):
        scores(host, packed(host), features(host, 3)[1])


def test_an_injection_leaves_nothing_to_the_next_call(host: Host):
    read, (_, injected) = packed(host), features(host, 2)
    before = scores(host, read, [])
    assert not torch.allclose(scores(host, read, injected), before)
    assert torch.equal(scores(host, read, []), before)


def test_an_injection_that_failed_leaves_nothing_to_the_next_call(host: Host):
    read, (_, injected) = packed(host), features(host, 2)
    before = scores(host, read, [])
    wrong = [injected[0], (host.specials.audio_pad, torch.randn(2, 1, host.width))]
    with pytest.raises(ValueError, match="features"):
        scores(host, read, wrong)
    assert torch.equal(scores(host, read, []), before)


def test_gradients_reach_every_injected_token(host: Host):
    pictures, injected = features(host, 2)
    for _, rows in injected:
        rows.requires_grad_(True)
    read = packed(host)
    logits = host.logits(read, pictures=pictures, injected=injected)
    logits[read.labels >= 0].square().sum().backward()
    for _, rows in injected:
        assert rows.grad is not None
        assert (rows.grad.norm(dim=-1) > 0).all()


def test_scores_at_some_places_are_those_of_all_places(host: Host):
    read, (pictures, injected) = packed(host), features(host, 2)
    some = host.logits(read, pictures=pictures, injected=injected, at=answering(read))
    torch.testing.assert_close(some, scores(host, read, injected)[answering(read)], atol=1e-5, rtol=0.0)


def test_packed_texts_score_as_each_alone(host: Host):
    together = packed(host)
    injected = features(host, 2)[1]
    all_scores = scores(host, together, injected)
    for number in range(3):
        alone = packed(host, [[own[number]] for own in texts(host)])
        at = together.segments == number + 1
        torch.testing.assert_close(
            all_scores[at], scores(host, alone, injected)[alone.segments == 1], atol=1e-5, rtol=0.0
        )


def test_a_saved_host_scores_as_before(host: Host, name: str, tmp_path: Path):
    host.save(tmp_path)
    again = tiny_twins.settings(host=tiny_twins.HOSTS[name]).host.load(tmp_path).eval()
    injected = features(host, 2)[1]
    assert torch.equal(scores(host, packed(host), injected), scores(again, packed(again), injected))
    pictures = shown(host, 2, grid=2)
    assert torch.equal(host.encode_pictures(pictures), again.encode_pictures(pictures))


@pytest.mark.parametrize(
    "targets", [tiny_twins.LORA.targets, ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]]
)
def test_lora_touches_the_language_model_and_nothing_else(host: Host, targets: list[str]):
    before = scores(host, packed(host), features(host, 2)[1])
    weights = add_lora(host, "sft", LoRAConfig(rank=2, alpha=4, targets=targets), seed=0)
    trained = {name for name, weight in host.named_parameters() if weight.requires_grad}
    layers = tiny_twins.HOSTS["qwen2_5_vl"]["tiny"]["layers"]
    on = Counter(name.split(".lora_")[0].rsplit(".", 1)[1] for name in trained)
    assert on == dict.fromkeys(targets, 2 * layers), "two matrices in each layer, at what was named and nowhere else"
    assert len(weights) == len(trained)
    assert all("language_model" in name and "lora" in name for name in trained)
    assert not any("lora" in name for name, _ in host.tower.named_parameters())
    assert torch.equal(scores(host, packed(host), features(host, 2)[1]), before), "a fresh LoRA must change nothing"


def test_with_its_lora_off_a_trained_host_is_the_one_that_came(host: Host, name: str):
    came, pictures = built(name), shown(host, 2, grid=2)
    ids = packed(host, texts(host)[:1]).ids
    for weight in add_lora(host, "sft", tiny_twins.LORA, seed=0):
        torch.nn.init.normal_(weight)
    trains = [name for name, weight in host.named_parameters() if weight.requires_grad]
    with torch.no_grad(), host.untouched() as plain, came.untouched() as reference:
        assert torch.equal(plain(input_ids=ids).logits, reference(input_ids=ids).logits)
        assert torch.equal(host.encode_pictures(pictures), came.encode_pictures(pictures))
    assert not torch.allclose(scores(host, packed(host), []), scores(came, packed(came), []))
    assert trains == [name for name, weight in host.named_parameters() if weight.requires_grad]


def test_without_features_the_hook_changes_no_bit(host: Host):
    read = packed(host)
    with_hook = scores(host, read, [])
    embedding = host.bare.get_input_embeddings()
    embedding._forward_hooks.clear()
    assert torch.equal(scores(host, read, []), with_hook)


def test_gradient_checkpointing_changes_no_gradient(host: Host):
    read, (pictures, injected) = packed(host), features(host, 2)
    weights = add_lora(host, "sft", tiny_twins.LORA, seed=0)
    for weight in weights:
        torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(weight.numel()))
    rows = [features.requires_grad_(True) for _, features in injected]

    def gradients() -> list[Tensor]:
        loss = host.logits(read, pictures=pictures, injected=injected)[read.labels >= 0].square().mean()
        return list(torch.autograd.grad(loss, [*rows, *weights]))

    host.train()
    plain = gradients()
    host.bare.activation_checkpointing_enable({"use_reentrant": False})
    assert all(torch.equal(one, other) for one, other in zip(plain, gradients(), strict=True))
    assert all(gradient.any() for gradient in plain)


def test_a_larger_vocabulary_leaves_the_old_words_and_the_injection_as_they_were(host: Host):
    read, (_, injected) = packed(host), features(host, 2)
    before, size = scores(host, read, injected), len(host.tokenizer)
    host.bare.resize_token_embeddings(size + 5, mean_resizing=False)
    after = scores(host, read, injected)
    assert after.shape[-1] == size + 5
    assert torch.equal(after[..., :size], before)


def test_eager_attention_scores_as_the_fused_one(name: str):
    fused, eager = built(name), built(name, attention="eager")
    injected = features(fused, 2)[1]
    reference = scores(fused, packed(fused), injected)
    torch.testing.assert_close(scores(eager, packed(eager), injected), reference, atol=2e-5, rtol=1e-5)


def test_flash_attention_is_told_of_padding_alone_and_reads_one_text(host: Host):
    alone = packed(host, [own[:1] for own in texts(host)[:1]] + [[Text(words(host, "what ?"), [])]])
    mask = attention_mask(alone, "flash_attention_2", torch.float32)
    assert torch.equal(mask, (alone.segments >= 0).long())
    assert mask.sum(1).tolist() == [alone.ids.shape[1], alone.ids.shape[1] - 5]
    with pytest.raises(ValueError, match="cannot read 3 texts behind one prefix"):
        attention_mask(packed(host), "flash_attention_2", torch.float32)


def test_half_precision_is_that_of_the_settings(name: str, tmp_path: Path):
    host = built(name, dtype="bfloat16")
    assert {weight.dtype for weight in host.parameters()} == {torch.bfloat16}
    read, injected = packed(host), features(host, 2)[1]
    assert scores(host, read, injected).dtype == torch.bfloat16
    assert host.encode_pictures(shown(host, 1, grid=2)).dtype == torch.bfloat16
    host.save(tmp_path)
    again = tiny_twins.settings(host=tiny_twins.HOSTS[name] | {"dtype": "bfloat16"}).host.load(tmp_path).eval()
    assert torch.equal(scores(host, read, injected), scores(again, read, injected))


def test_weights_of_another_family_are_refused(host: Host, name: str, tmp_path: Path):
    host.save(tmp_path)
    other = NAMES[(NAMES.index(name) + 1) % len(NAMES)]
    with pytest.raises(ValueError, match=f"host `{other}` reads"):
        tiny_twins.settings(host=tiny_twins.HOSTS[other] | {"weights": str(tmp_path)}).host.build(words=[], seed=0)


def test_weights_of_a_folder_get_room_for_what_is_injected(name: str, tmp_path: Path):
    """As weights of the hub: their tokenizer knows the family's tokens but none for motion and sound."""
    came = tiny_twins.host(**tiny_twins.HOSTS[name]).eval()
    came.bare.resize_token_embeddings(len(came.tokenizer) - 4)
    came.bare.save_pretrained(tmp_path)
    known = [given for given in came.family.names if given not in (MOTION_PAD, AUDIO_PAD)]
    word_tokenizer(tiny_twins.WORD_LIST[:-2], known).save_pretrained(tmp_path)
    settings = tiny_twins.settings(host=tiny_twins.HOSTS[name] | {"weights": str(tmp_path)}).host
    loaded, again = (settings.build(words=[], seed=0).eval() for _ in range(2))
    assert len(loaded.tokenizer) == len(came.tokenizer) - 2
    assert scores(loaded, packed(loaded), features(loaded, 2)[1]).shape[-1] == len(loaded.tokenizer)
    assert torch.equal(*(host.bare.get_input_embeddings().weight for host in (loaded, again)))
