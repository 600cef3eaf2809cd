"""The motion adapter: every subset of streams trains, what is masked is not seen, agreement passes through."""

from itertools import chain, combinations

import pytest
import tiny_twins
import torch
from torch import Tensor

from codecsense import config
from codecsense.adapter import AdapterConfig, FusionConfig, TriStream
from codecsense.adapter.fusions.gated import GatedFusion
from codecsense.adapter.fusions.weighted_sum import WeightedSum
from codecsense.adapter.motion_adapter import ORDER, MotionAdapter

SUBSETS = list(chain.from_iterable(combinations(ORDER, count) for count in range(1, 5)))
FUSIONS = config.variants("codecsense.adapter.fusions")
SHAPES = tiny_twins.SHAPES


def adapter(streams: tuple[str, ...], fusion: str = "gated") -> MotionAdapter:
    settings = tiny_twins.settings(adapter__streams=list(streams), adapter__fusion={"name": fusion}).adapter
    torch.manual_seed(0)
    return MotionAdapter(settings, SHAPES)


def tri(seed: int = 0, batch: int = 2) -> TriStream:
    draw = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(batch, SHAPES.intervals, *shape, generator=draw)

    return TriStream(
        mv=4 * numbers(SHAPES.maps, 2, SHAPES.rows, SHAPES.rows),
        residual=32 * numbers(SHAPES.maps, 1, SHAPES.rows, SHAPES.rows),
        mask=numbers(SHAPES.maps) < 0.5,
        context=numbers(SHAPES.patches, SHAPES.host_width),
        frames=numbers(SHAPES.inner, SHAPES.patches, SHAPES.host_width),
    )


@pytest.mark.parametrize("streams", SUBSETS, ids="-".join)
def test_every_subset_of_streams_trains_every_weight(streams: tuple[str, ...]):
    for fusion in FUSIONS:
        own = adapter(streams, fusion)
        tokens = own(tri())
        assert tokens.shape == (2, SHAPES.intervals * SHAPES.patches, SHAPES.host_width)
        (tokens * torch.randn(tokens.shape)).sum().backward()
        still = [name for name, weight in own.named_parameters() if weight.grad is None or not weight.grad.any()]
        assert still == [], f"{fusion}: no gradient reaches {still}"


def test_a_stream_that_a_run_leaves_out_is_not_read():
    clips, other = tri(0), tri(1)
    for left_out, streams in {"mv": ("residual", "context"), "residual": ("mv", "context")}.items():
        changed = clips._replace(**{left_out: getattr(other, left_out)})
        assert torch.equal(adapter(streams)(clips), adapter(streams)(changed))


@pytest.mark.parametrize("stream", ORDER)
def test_a_stream_that_a_run_takes_is_read(stream: str):
    clips, other = tri(0), tri(1)
    changed = clips._replace(**{stream: getattr(other, stream)})
    assert not torch.allclose(adapter(ORDER)(clips), adapter(ORDER)(changed))


def test_what_a_masked_map_holds_changes_nothing():
    clips, other = tri(0), tri(1)
    hidden = ~clips.mask[..., None, None, None]
    changed = clips._replace(
        mv=torch.where(hidden, other.mv, clips.mv), residual=torch.where(hidden, other.residual, clips.residual)
    )
    assert not torch.equal(changed.mv, clips.mv)
    assert torch.equal(adapter(("mv", "residual"))(clips), adapter(("mv", "residual"))(changed))


def test_no_map_is_not_the_same_as_a_map_of_zeros():
    clips = tri()
    still = clips._replace(mv=torch.zeros_like(clips.mv), mask=torch.ones_like(clips.mask))
    none = still._replace(mask=torch.zeros_like(clips.mask))
    assert not torch.allclose(adapter(("mv",))(still), adapter(("mv",))(none))


def test_a_clip_is_described_alike_alone_and_in_a_batch():
    clips, own = tri(batch=3), adapter(ORDER)
    alone = TriStream(*(stream[1:2] for stream in clips))
    torch.testing.assert_close(own(clips)[1:2], own(alone), atol=1e-5, rtol=0.0)


def test_a_slot_sees_its_own_cell_and_its_border_only():
    clips, own = tri(), adapter(("mv",))
    clips = clips._replace(mask=torch.ones_like(clips.mask))
    changed = clips._replace(mv=clips.mv.clone())
    changed.mv[..., 3, 3] += 100.0  # the far corner of the last of 2 x 2 cells
    before, after = own.describe(clips).fused, own.describe(changed).fused
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.allclose(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("fusion", [GatedFusion(width=8), WeightedSum()], ids=["gated", "weighted_sum"])
def test_agreeing_streams_pass_through_whatever_the_gate_says(fusion: torch.nn.Module):
    for weight in fusion.parameters():
        torch.nn.init.normal_(weight, std=3.0)
    said = torch.randn(5, 8)
    torch.testing.assert_close(fusion(said, said), said)


def test_a_gate_never_leaves_the_range_of_its_operands():
    fusion, first, second = GatedFusion(width=8), torch.randn(50, 8), torch.randn(50, 8)
    torch.nn.init.normal_(fusion.gate.weight, std=3.0)
    fused = fusion(first, second)
    assert (fused >= torch.minimum(first, second) - 1e-6).all()
    assert (fused <= torch.maximum(first, second) + 1e-6).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_every_fusion_keeps_the_shape(name: str):
    chosen = tiny_twins.settings(adapter__fusion={"name": name}).adapter.fusion
    assert isinstance(chosen, FusionConfig)
    assert chosen.build(width=8)(torch.randn(2, 3, 8), torch.randn(2, 3, 8)).shape == (2, 3, 8)


def test_an_adapter_without_streams_is_refused():
    settings = tiny_twins.settings().adapter
    with pytest.raises(ValueError, match="at least one stream"):
        MotionAdapter(AdapterConfig(**dict(settings) | {"streams": []}), SHAPES)


@pytest.mark.parametrize(("tokens", "why"), [(5, "square number"), (9, "as many motion tokens as patches")])
def test_slots_that_do_not_fit_the_anchors_are_refused(tokens: int, why: str):
    settings = tiny_twins.settings(adapter__tokens=tokens, adapter__streams=["context"]).adapter
    with pytest.raises(ValueError, match=why):
        MotionAdapter(settings, SHAPES)
