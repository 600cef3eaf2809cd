"""The promises of `codecsense.adapter.encoders`, held by every file of the folder."""

from typing import Any

import pytest
import tiny_twins
import torch

from codecsense.adapter import AdapterConfig, TriStream
from codecsense.adapter.motion_adapter import ORDER, MotionAdapter
from codecsense.config import variants

SHAPES = tiny_twins.SHAPES
UNITS = {"mv_unit_px": 4.0, "residual_unit": 32.0}
RESNET = {"name": "resnet18", "widths": [16, 16], "blocks": [1, 1], "map_px": 8, "picture_px": 16, "heads": 2, **UNITS}
SSM = {"expand": 2, "head": 8, "state": 4, "window": 2, "chunk": 2}
TINY_SIGLIP = {"width": 8, "layers": 1, "heads": 2, "picture_px": 8, "patch_px": 4}
EXAMPLES: dict[str, dict[str, Any]] = {  # the choices of each family
    "motion_ssm": {"tokeniser": RESNET, "layers": 2, "ssm": SSM, "heads": 2},
    "none": UNITS,
    "qformer": {"layers": 1, "heads": 2, "cell": 2, **UNITS},
    "resnet18": RESNET,
    "shared_vit": {"side_px": 16, "heads": 2, **UNITS},
    "siglip": {"weights": "tiny", "tiny": TINY_SIGLIP, "frozen": False, "heads": 2, **UNITS},
    "slots": {"seen": 3, **UNITS},
}
FAMILIES = variants("codecsense.adapter.encoders")
SUBSETS = [("mv",), ("context",), ("frames", "context"), ORDER]


@pytest.fixture(scope="module")
def eye() -> Any:
    host = tiny_twins.host()
    return lambda pictures: host.encode_pictures(pictures)


def settings(family: str, **changes: Any) -> AdapterConfig:
    assert family in EXAMPLES, "say here how to choose this family"
    chosen = {"adapter__encoder": {**EXAMPLES[family], "name": family}} | changes
    return tiny_twins.settings(**chosen).adapter


def adapter(family: str, eye: Any, streams: tuple[str, ...] = ORDER, **changes: Any) -> MotionAdapter:
    torch.manual_seed(0)
    return MotionAdapter(settings(family, adapter__streams=list(streams), **changes), SHAPES, eye=eye)


@pytest.mark.parametrize("streams", SUBSETS, ids="-".join)
@pytest.mark.parametrize("family", FAMILIES)
def test_any_streams_give_k_tokens_and_train_every_weight(family: str, streams: tuple[str, ...], eye: Any):
    own = adapter(family, eye, streams)
    tokens = own(tiny_twins.tri())
    assert tokens.shape == (2, SHAPES.intervals * tiny_twins.PATCHES, SHAPES.host_width)
    (tokens * torch.randn(tokens.shape)).sum().backward()
    still = [name for name, weight in own.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == [], f"no gradient reaches {still}"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "slots"])
def test_any_number_of_tokens_can_be_asked_for(family: str, eye: Any):
    own = adapter(family, eye, adapter__tokens=7, adapter__context_skip=0.0)
    described = own.describe(tiny_twins.tri())
    assert described.fused.shape == (2, SHAPES.intervals, 7, 8)
    assert {branch.shape for branch in described.branches.values()} == {described.fused.shape}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_masked_map_holds_changes_nothing(family: str, eye: Any):
    clips, other = tiny_twins.tri(0), tiny_twins.tri(1)
    hidden = ~clips.mask[..., None, None, None]
    changed = clips._replace(
        mv=torch.where(hidden, other.mv, clips.mv), residual=torch.where(hidden, other.residual, clips.residual)
    )
    assert not torch.equal(changed.mv, clips.mv)
    own = adapter(family, eye, ("mv", "residual"))
    before, after = own.describe(clips), own.describe(changed)
    assert torch.equal(before.fused, after.fused)
    assert torch.equal(before.branches["mv"], after.branches["mv"])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_map_that_is_there_is_read(family: str, eye: Any):
    clips = tiny_twins.tri()._replace(mask=torch.ones(2, SHAPES.intervals, SHAPES.maps, dtype=torch.bool))
    own = adapter(family, eye, ("mv",))
    before = own(clips)
    for number in range(SHAPES.maps):
        changed = clips._replace(mv=clips.mv.clone())
        changed.mv[:, :, number] = -changed.mv[:, :, number]
        assert not torch.allclose(own(changed), before), f"map {number} is not read"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_order_of_maps_is_read(family: str, eye: Any):
    clips = tiny_twins.tri()._replace(mask=torch.ones(2, SHAPES.intervals, SHAPES.maps, dtype=torch.bool))
    own = adapter(family, eye, ("mv",))
    assert not torch.allclose(own(clips), own(clips._replace(mv=clips.mv.flip(2))))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_interval_of_no_maps_is_described_and_is_not_one_of_zeros(family: str, eye: Any):
    still = tiny_twins.tri()._replace(mv=torch.zeros(2, SHAPES.intervals, SHAPES.maps, 2, SHAPES.rows, SHAPES.rows))
    still = still._replace(mask=torch.ones_like(still.mask))
    none = still._replace(mask=torch.zeros_like(still.mask))
    own = adapter(family, eye, ("mv",))
    assert own(none).isfinite().all()
    assert not torch.allclose(own(still), own(none))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clip_is_described_alike_alone_and_in_a_batch(family: str, eye: Any):
    clips, own = tiny_twins.tri(batch=3), adapter(family, eye)
    alone = TriStream(*(stream[1:2] for stream in clips if stream is not None))
    torch.testing.assert_close(own(clips)[1:2], own(alone), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_all_there_is_to_keep(family: str, eye: Any):
    """A resumed run restores weights alone: statistics kept elsewhere, as batch normalisation does, would be lost."""
    own = adapter(family, eye)
    kept = {name for name, value in own.state_dict().items() if value.is_floating_point()}
    assert kept == {name for name, _ in own.named_parameters()}


def test_the_host_s_tower_is_borrowed_and_not_trained(eye: Any):
    own = adapter("shared_vit", eye, ("mv",))
    assert sum(weight.numel() for weight in own.branches["mv"].parameters()) < 2000, "the tower was counted"
    with pytest.raises(ValueError, match="built without a host"):
        MotionAdapter(settings("shared_vit"), SHAPES)


def test_a_frozen_siglip_gets_no_gradient():
    frozen = {**EXAMPLES["siglip"], "name": "siglip", "frozen": True}
    own = MotionAdapter(settings("siglip", adapter__encoder=frozen), SHAPES)
    own(tiny_twins.tri()).sum().backward()
    trained = {name for name, weight in own.branches.named_parameters() if weight.grad is not None}
    assert trained == {name for name, _ in own.branches.named_parameters() if ".tower." not in name}


@pytest.mark.parametrize("streams", [("mv", "context"), ("mv", "frames")], ids="-".join)
@pytest.mark.parametrize("family", FAMILIES)
def test_who_looks_at_pictures_says_so_and_refuses_clips_without(family: str, streams: tuple[str, ...], eye: Any):
    own, without = adapter(family, eye, streams), tiny_twins.tri()._replace(pictures=None)
    if not own.settings.looks:
        assert own(without).isfinite().all()
        return
    with pytest.raises(ValueError, match="come without pictures"):
        own(without)


@pytest.mark.parametrize("unfit", ["slots", "none", "motion_ssm"])
def test_only_a_family_that_describes_maps_can_be_the_tokeniser(unfit: str):
    chosen = {**EXAMPLES["motion_ssm"], "name": "motion_ssm", "tokeniser": {**EXAMPLES[unfit], "name": unfit}}
    with pytest.raises(ValueError, match="cannot be the tokeniser"):
        MotionAdapter(tiny_twins.settings(adapter__encoder=chosen).adapter, SHAPES)
