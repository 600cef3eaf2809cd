"""The promises of `codecsense.hosts`, held by every file of the folder, built tiny."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny_twins
import torch
from torch import Tensor
from transformers import GotOcr2ImageProcessorPil, LlavaOnevisionImageProcessorPil, Qwen2VLImageProcessorPil

from codecsense.config import variants
from codecsense.hosts import AUDIO_PAD, MOTION_PAD, Host
from codecsense.hosts._hub import attention_mask
from codecsense.hosts._mrope import MRopeHost
from codecsense.hosts._words import word_tokenizer
from codecsense.sequence import Layout, Packed, Prefix, Text, pack, prefix
from codecsense.training.lora import LoRAConfig
from codecsense.training.lora import add as add_lora

NAMES = variants("codecsense.hosts")
PLACED = [(name, mode) for name in NAMES for mode in ("text", "grid") if mode == "text" or name.startswith("qwen")]
LAYOUT = Layout(anchors=2, grid=2, motion_tokens=4, audio_tokens=2)
PLAIN = ("<think", "</think", "<info", "</info", "<answer", "</answer")  # of two-stage answers
Injected = Sequence[tuple[int, Tensor]]


@pytest.fixture(params=NAMES)
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
    return type(host)(host.bare, host.tokenizer, host.settings)  # what it puts into its weights, as when it is loaded


def start_of(host: Host, layout: Layout = LAYOUT) -> Prefix:
    return host.place(prefix(layout, host.specials), grid=layout.grid)


def features(host: Host, batch: int, layout: Layout = LAYOUT) -> tuple[Tensor, Injected]:
    """Pictures, and motion and sound to inject."""
    generator = torch.Generator().manual_seed(batch)
    pictures = torch.randn(batch, layout.anchors * layout.grid**2, host.seen, generator=generator)
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
    names = [name for name in host.tokenizer.get_vocab() if name.startswith("<") and name != "<|endoftext|>"]
    found = [host.tokenizer.convert_tokens_to_ids(name) for name in names if not name.startswith(PLAIN)]
    return [token for token in found if token not in (host.specials.end, host.tokenizer.unk_token_id)]


@pytest.mark.parametrize(("name", "motion_positions"), PLACED)
def test_greedy_generation_is_the_best_score_step_by_step(name: str, motion_positions: str):
    host = built(name, motion_positions=motion_positions)
    prompts, given = [words(host, "what did it do ?"), words(host, "what ?")], features(host, 2)
    replies, said = generate(host, prompts, given), set()
    for row, prompt in enumerate(prompts):
        expected = step_by_step(host, prompt, of_row(given, row), 6)
        assert replies[row, : len(expected)].tolist() == expected
        said |= set(expected)
    assert len(said) > 2, "replies of one word would prove little"


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
    pictures = shown(host, 2, grid=2)
    assert torch.equal(host.encode_pictures(pictures), again.encode_pictures(pictures))


def shown(host: Host, count: int, *, grid: int) -> Tensor:
    """Pictures that become `grid` x `grid` tokens each."""
    side = grid * host.block_px
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


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


@torch.no_grad()
def test_pictures_and_text_score_as_in_the_family_s_own_code(name: str):
    """Through pixels, its own positions and no mask of ours; motion and sound left out."""
    host = built(name)
    pictures = shown(host, 2, grid=host.config.vision_config.image_size // 4 if name == "llava_onevision" else 4)
    seen = host.encode_pictures(pictures)
    layout = Layout(anchors=2, grid=round(seen.shape[1] ** 0.5), motion_tokens=0, audio_tokens=0)
    read = pack([start_of(host, layout)], [texts(host)[0][:1]], pad=host.tokenizer.pad_token_id)
    own, ids = host.pixels(pictures), read.ids
    if isinstance(host, MRopeHost):
        own["mm_token_type_ids"] = (ids == host.specials.image_pad).long()
    if name == "llava_onevision":
        ids = torch.where(ids == host.specials.vision_end, host.specials.image_pad, ids)
        own |= {"image_sizes": torch.tensor([pictures.shape[1:3]] * 2), "batch_num_images": torch.tensor([2])}
    reference = host.bare(input_ids=ids, **own).logits
    ours = host.logits(read, pictures=seen.flatten(0, 1)[None], injected=[])
    torch.testing.assert_close(ours, reference, atol=2e-5, rtol=1e-5)
    blind = host.logits(read, pictures=torch.zeros_like(seen).flatten(0, 1)[None], injected=[])
    assert not torch.allclose(ours, blind, atol=1e-2)


def test_every_number_of_a_visual_token_counts(host: Host):
    """What a tower says at several depths is cached in one row: each depth must reach the answer."""
    pictures, injected = features(host, 2)
    pictures.requires_grad_(True)
    read = packed(host)
    host.logits(read, pictures=pictures, injected=injected)[read.labels >= 0].square().sum().backward()
    assert pictures.grad is not None
    assert (pictures.grad.unflatten(-1, (-1, host.width)).norm(dim=-1) > 0).all()
    with pytest.raises(ValueError, match=f"has {host.seen} numbers, not {host.seen + 1}"):
        host.logits(read, pictures=torch.zeros(2, 8, host.seen + 1), injected=injected)


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


def test_beams_keep_the_features_of_their_own_prompt_and_find_no_worse_answer(host: Host):
    prompts, given = [words(host, "what did it do ?")] * 3, features(host, 3)
    greedy = generate(host, prompts, given, max_new_tokens=3)
    found = generate(host, prompts, given, max_new_tokens=3, beams=4)
    for row, prompt in enumerate(prompts):
        alone = generate(host, [prompt], of_row(given, row), max_new_tokens=3, beams=4)
        assert torch.equal(alone[0], found[row, : alone.shape[1]])
        best, first = (likelihood(host, prompt, of_row(given, row), said[row]) for said in (found, greedy))
        assert best >= first - 1e-4
    assert len({tuple(row) for row in found.tolist()}) > 1, "the features must matter for this test"


@torch.no_grad()
def likelihood(host: Host, prompt: list[int], given: tuple[Tensor, Injected], said: Tensor) -> float:
    """Mean log-probability of a reply, up to its end, as beam search counts it."""
    ended = (said == host.specials.end).nonzero()
    tokens = said[: int(ended[0]) + 1] if len(ended) else said
    read = pack([start_of(host)], [[Text(prompt, tokens.tolist())]], pad=host.tokenizer.pad_token_id)
    logits = host.logits(read, pictures=given[0], injected=given[1])[0, -len(tokens) - 1 : -1]
    return float(logits.log_softmax(-1).gather(1, tokens[:, None]).mean())


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


def test_pictures_become_as_many_tokens_as_the_host_promises(host: Host):
    pictures = shown(host, 3, grid=2)
    together = host.encode_pictures(pictures)
    assert together.shape == (3, 4, host.seen)
    torch.testing.assert_close(together[1:2], host.encode_pictures(pictures[1:2]), atol=1e-5, rtol=0.0)


def test_a_picture_of_another_shape_is_refused(host: Host):
    with pytest.raises(ValueError, match=r"a picture of \d+x\d+ "):
        host.encode_pictures(torch.zeros(1, 2 * host.block_px, 3 * host.block_px - 1, 3, dtype=torch.uint8))


def test_motion_takes_the_positions_of_text(name: str):
    start = start_of(built(name))
    at = start.kinds == 2
    assert start.positions is not None
    axes = 3 if name.startswith("qwen") else 1
    first = start.positions[:, at][:, :1]
    assert torch.equal(start.positions[:, at] - first, torch.arange(4).expand(axes, -1))


@pytest.mark.parametrize("name", [name for name, mode in PLACED if mode == "grid"])
def test_motion_takes_the_positions_of_a_picture(name: str):
    start = start_of(built(name, motion_positions="grid"))
    at = start.kinds == 2
    assert start.positions is not None
    corner = start.positions[:, at][:, :1]
    square = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]])  # time, rows, columns
    assert torch.equal(start.positions[:, at] - corner, square)
    after = start.positions[:, torch.nonzero(start.kinds == 3)[0, 0]]
    assert torch.equal(after, start.positions[:, at].max().expand(3) + 1), "what follows starts behind the square"


@pytest.mark.parametrize("name", [name for name in NAMES if (name, "grid") not in PLACED])
def test_a_host_with_one_axis_of_positions_has_no_grid_for_motion(name: str):
    with pytest.raises(ValueError, match="motion_positions"):
        built(name, motion_positions="grid")


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_patches_are_those_of_the_family_s_own_preprocessor(name: str):
    host = tiny_twins.host(**tiny_twins.HOSTS[name] | {"tiny": tiny_twins.HOSTS[name]["tiny"] | {"patch_px": 6}})
    pictures = torch.randint(0, 256, (2, 24, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    given = host.pixels(pictures)
    assert given["image_grid_thw"].tolist() == [[1, 4, 8]] * 2
    mean, spread = host.family.mean, host.family.spread
    torch.testing.assert_close(given["pixel_values"], slowly(pictures, mean, spread, patch_px=6, merge=2))
    processor = Qwen2VLImageProcessorPil(
        patch_size=6,
        merge_size=2,
        temporal_patch_size=2,
        min_pixels=1,
        max_pixels=10**6,
        image_mean=mean,
        image_std=spread,
    )
    own = processor(list(pictures.permute(0, 3, 1, 2).numpy()), return_tensors="pt")
    torch.testing.assert_close(given["pixel_values"], own["pixel_values"], atol=1e-5, rtol=1e-5)
    assert torch.equal(given["image_grid_thw"], own["image_grid_thw"])


def slowly(pictures: Tensor, mean: Sequence[float], spread: Sequence[float], *, patch_px: int, merge: int) -> Tensor:
    """Patch by patch: blocks row by row, the patches of a block row by row, channel by channel, each twice in time."""
    rows = []
    for picture in (pictures.double() / 255 - torch.tensor(mean)) / torch.tensor(spread):
        block = merge * patch_px
        for top in range(0, picture.shape[0], block):
            for left in range(0, picture.shape[1], block):
                for y in range(top, top + block, patch_px):
                    for x in range(left, left + block, patch_px):
                        patch = picture[y : y + patch_px, x : x + patch_px]
                        rows.append(torch.cat([patch[..., channel].flatten().repeat(2) for channel in range(3)]))
    return torch.stack(rows).float()


@pytest.mark.parametrize("name", ["internvl3", "llava_onevision"])
def test_pixels_are_those_of_the_family_s_own_preprocessor(name: str):
    host = tiny_twins.host(**tiny_twins.HOSTS[name])
    pictures = shown(host, 2, grid=8)
    side = pictures.shape[1]
    processor = {"internvl3": GotOcr2ImageProcessorPil, "llava_onevision": LlavaOnevisionImageProcessorPil}[name](
        size={"height": side, "width": side}, image_mean=host.family.mean, image_std=host.family.spread
    )
    own = processor(list(pictures.permute(0, 3, 1, 2).numpy()), return_tensors="pt")["pixel_values"]
    whole = own[:, 0] if own.dim() == 5 else own
    torch.testing.assert_close(host.pixels(pictures)["pixel_values"], whole, atol=1e-5, rtol=1e-5)
