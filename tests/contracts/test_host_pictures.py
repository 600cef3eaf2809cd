"""Where hosts see pictures as their families do, and where motion stands among positions."""

from collections.abc import Sequence

import pytest
import tiny_twins
import torch
from tiny_hosts import NAMES, PLACED, built, features, packed, shown, start_of, texts
from torch import Tensor
from transformers import GotOcr2ImageProcessorPil, LlavaOnevisionImageProcessorPil, Qwen2VLImageProcessorPil

from codecsense.hosts import Host
from codecsense.hosts._mrope import MRopeHost
from codecsense.sequence import Layout, pack


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
