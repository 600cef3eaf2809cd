"""The promises of `codecsense.hosts`, held by every file of the folder, built tiny."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
from torch import Tensor

from codecsense.config import variants
from codecsense.hosts import Host
from codecsense.hosts.qwen2_5_vl import MEAN, SPREAD, patchify
from codecsense.sequence import Layout, Packed, Prefix, Text, pack, prefix
from codecsense.training.lora import add as add_lora

LAYOUT = Layout(anchors=2, grid=2, motion_tokens=4, audio_tokens=2)
Injected = Sequence[tuple[int, Tensor]]


@pytest.fixture(params=variants("codecsense.hosts"))
def name(request: pytest.FixtureRequest) -> str:
    assert request.param in tiny_twins.HOSTS, "say in tests/tiny_twins.py how to build this host small"
    return str(request.param)


@pytest.fixture
def host(name: str) -> Host:
    return built(name)


def built(name: str, **changes: Any) -> Host:
    """A tiny host that says something: as it is drawn it repeats the last word, whatever it sees."""
    host = tiny_twins.host(**tiny_twins.HOSTS[name] | changes).eval()
    generator = torch.Generator().manual_seed(0)
    for weight in host.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.3, generator=generator)
    return host


def start_of(host: Host, layout: Layout = LAYOUT) -> Prefix:
    return host.place(prefix(layout, host.specials), grid=layout.grid)


def features(host: Host, batch: int, layout: Layout = LAYOUT) -> tuple[Tensor, Injected]:
    """Pictures, and motion and sound to inject."""
    generator = torch.Generator().manual_seed(batch)
    pictures = torch.randn(batch, layout.anchors * layout.grid**2, host.width, generator=generator)
    motion = torch.randn(batch, layout.motion_tokens, host.width, generator=generator)
    sound = torch.randn(batch, layout.audio_tokens, host.width, generator=generator)
    return pictures, [(host.specials.motion_pad, motion), (host.specials.audio_pad, sound)]


def words(host: Host, said: str) -> list[int]:
    found: list[int] = host.tokenizer(said, add_special_tokens=False)["input_ids"]
    return found


def texts(host: Host) -> list[list[Text]]:
    asked = ["what did it do ?", "describe part one :", "what ?"]
    answers = ["left", "red go left", "n2"]
    return [
        [Text(words(host, q), [*words(host, a), host.specials.end]) for q, a in zip(asked, answers, strict=True)]
    ] * 2


def packed(host: Host, said: Sequence[Sequence[Text]] | None = None) -> Packed:
    said = texts(host) if said is None else said
    return pack([start_of(host)] * len(said), said, pad=host.tokenizer.pad_token_id)


@torch.no_grad()
def scores(host: Host, read: Packed, injected: Injected) -> Tensor:
    return host.logits(read, pictures=features(host, len(read.ids))[0], injected=injected)


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


def generate(host: Host, prompts: Sequence[list[int]], given: tuple[Tensor, Injected], **changes: Any) -> Tensor:
    how = {"max_new_tokens": 6, "samples": 1, "temperature": 0.0, "seed": 0} | changes
    pictures, injected = given
    starts = [start_of(host)] * len(prompts)
    return host.generate(
        [torch.tensor(prompt) for prompt in prompts],
        starts,
        grid=LAYOUT.grid,
        pictures=pictures,
        injected=injected,
        **how,
    )


def of_row(given: tuple[Tensor, Injected], row: int) -> tuple[Tensor, Injected]:
    return given[0][row : row + 1], [(token, rows[row : row + 1]) for token, rows in given[1]]


@torch.no_grad()
def step_by_step(host: Host, prompt: list[int], given: tuple[Tensor, Injected], steps: int) -> list[int]:
    said: list[int] = []
    while len(said) < steps and (not said or said[-1] != host.specials.end):
        read = pack([start_of(host)], [[Text([*prompt, *said], [])]], pad=host.tokenizer.pad_token_id)
        last = host.logits(read, pictures=given[0], injected=given[1])[0, -1]
        last[banned(host)] = -torch.inf
        said.append(int(last.argmax()))
    return said


def banned(host: Host) -> list[int]:
    """Ids that no reply may hold: placeholders and what structures a prefix, those of a video too."""
    named = [
        token for name, token in host.tokenizer.get_vocab().items() if name.endswith(("_pad|>", "_start|>", "_end|>"))
    ]
    return [token for token in named if token != host.specials.end]


@pytest.mark.parametrize("motion_positions", ["text", "grid"])
def test_greedy_generation_is_the_best_score_step_by_step(name: str, motion_positions: str):
    host = built(name, motion_positions=motion_positions)
    prompts, given = [words(host, "what did it do ?"), words(host, "what ?")], features(host, 2)
    replies = generate(host, prompts, given)
    for row, prompt in enumerate(prompts):
        expected = step_by_step(host, prompt, of_row(given, row), 6)
        assert replies[row, : len(expected)].tolist() == expected
        assert len(set(expected)) > 2, "a reply of one word would prove little"


def test_every_sampled_answer_keeps_the_features_of_its_own_prompt(host: Host):
    prompts, given = [words(host, "what did it do ?")] * 3, features(host, 3)
    greedy = generate(host, prompts, given)
    assert len({tuple(row) for row in greedy.tolist()}) == 3, "the features must matter for this test"
    cold = generate(host, prompts, given, samples=2, temperature=1e-5)
    assert torch.equal(cold, greedy.repeat_interleave(2, 0))


def test_the_same_seed_samples_the_same_answers_and_leaves_the_global_generator_alone(host: Host):
    prompts, given = [words(host, "what ?")], features(host, 1)
    torch.manual_seed(5)
    first = generate(host, prompts, given, temperature=1.0, samples=4, seed=3)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert torch.equal(first, generate(host, prompts, given, temperature=1.0, samples=4, seed=3))
    assert not torch.equal(first, generate(host, prompts, given, temperature=1.0, samples=4, seed=4))


def test_placeholders_are_never_said(host: Host):
    prompts, given = [words(host, "what ?")], features(host, 1)
    said = generate(host, prompts, given, temperature=1e4, samples=100, max_new_tokens=12)
    share = len(banned(host)) / len(host.tokenizer)
    assert said.numel() * share > 30, "too few words said to tell"
    assert not torch.isin(said, torch.tensor(banned(host))).any()


def test_a_saved_host_scores_as_before(host: Host, name: str, tmp_path: Path):
    host.save(tmp_path)
    again = tiny_twins.settings(host=tiny_twins.HOSTS[name]).host.load(tmp_path).eval()
    injected = features(host, 2)[1]
    assert torch.equal(scores(host, packed(host), injected), scores(again, packed(again), injected))
    pictures = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    assert torch.equal(host.encode_pictures(pictures), again.encode_pictures(pictures))


def test_lora_touches_the_language_model_and_nothing_else(host: Host):
    before = scores(host, packed(host), features(host, 2)[1])
    weights = add_lora(host, "sft", tiny_twins.LORA, seed=0)
    trained = {name for name, weight in host.named_parameters() if weight.requires_grad}
    assert len(trained) == len(weights) > 0
    assert all("language_model" in name and "lora" in name for name in trained)
    assert not any("lora" in name for name, _ in host.tower.named_parameters())
    assert torch.equal(scores(host, packed(host), features(host, 2)[1]), before), "a fresh LoRA must change nothing"


def test_pictures_become_as_many_tokens_as_the_host_promises(host: Host):
    pictures = torch.randint(0, 256, (3, 16, 16, 3), dtype=torch.uint8)
    together = host.encode_pictures(pictures)
    assert together.shape == (3, 4, host.width)
    torch.testing.assert_close(together[1:2], host.encode_pictures(pictures[1:2]), atol=1e-5, rtol=0.0)


def test_motion_takes_the_positions_of_text_or_of_a_picture(name: str):
    as_text, as_grid = (start_of(built(name, motion_positions=mode)) for mode in ("text", "grid"))
    at = as_text.kinds == 2
    assert as_text.positions is not None
    assert as_grid.positions is not None
    first = as_text.positions[:, at][:, :1]
    assert torch.equal(as_text.positions[:, at] - first, torch.arange(4).expand(3, -1))
    corner = as_grid.positions[:, at][:, :1]
    square = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]])  # time, rows, columns
    assert torch.equal(as_grid.positions[:, at] - corner, square)
    after = as_grid.positions[:, torch.nonzero(as_grid.kinds == 3)[0, 0]]
    assert torch.equal(after, as_grid.positions[:, at].max().expand(3) + 1), "what follows starts behind the square"


def test_patches_are_those_of_the_family_s_own_preprocessor():
    pictures = torch.randint(0, 256, (2, 24, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    patches, grid = patchify(pictures, patch_px=6, merge=2)
    assert grid.tolist() == [[1, 4, 8]] * 2
    torch.testing.assert_close(patches, slowly(pictures, patch_px=6, merge=2))
    processor = pytest.importorskip("transformers").Qwen2VLImageProcessorPil
    own = processor(
        patch_size=6,
        merge_size=2,
        temporal_patch_size=2,
        min_pixels=1,
        max_pixels=10**6,
        image_mean=MEAN,
        image_std=SPREAD,
    )(list(pictures.permute(0, 3, 1, 2).numpy()), return_tensors="pt")
    torch.testing.assert_close(patches, own["pixel_values"], atol=1e-5, rtol=1e-5)
    assert torch.equal(grid, own["image_grid_thw"])


def slowly(pictures: Tensor, *, patch_px: int, merge: int) -> Tensor:
    """Patch by patch: blocks row by row, the patches of a block row by row, channel by channel, each twice in time."""
    rows = []
    for picture in (pictures.double() / 255 - torch.tensor(MEAN)) / torch.tensor(SPREAD):
        block = merge * patch_px
        for top in range(0, picture.shape[0], block):
            for left in range(0, picture.shape[1], block):
                for y in range(top, top + block, patch_px):
                    for x in range(left, left + block, patch_px):
                        patch = picture[y : y + patch_px, x : x + patch_px]
                        rows.append(torch.cat([patch[..., channel].flatten().repeat(2) for channel in range(3)]))
    return torch.stack(rows).float()
