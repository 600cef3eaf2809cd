"""The motion adapter: every subset of streams trains, what is masked is not seen, agreement passes through."""

from itertools import chain, combinations

import pytest
import tiny_twins
import torch

from codecsense import config
from codecsense.adapter import AdapterConfig, TriStream
from codecsense.adapter.motion_adapter import ORDER, MotionAdapter

SUBSETS = list(chain.from_iterable(combinations(ORDER, count) for count in range(1, 5)))
FUSIONS = config.variants("codecsense.adapter.fusions")
SHAPES = tiny_twins.SHAPES
UNITS = {"mv_unit_px": 4.0, "residual_unit": 32.0}


def adapter(streams: tuple[str, ...], fusion: str = "gated") -> MotionAdapter:
    chosen = {"name": fusion, **({"steps": tiny_twins.PATCHES} if fusion == "compressed_stream" else {})}
    settings = tiny_twins.settings(adapter__streams=list(streams), adapter__fusion=chosen).adapter
    torch.manual_seed(0)
    return MotionAdapter(settings, SHAPES)


@pytest.mark.parametrize("streams", SUBSETS, ids="-".join)
def test_every_subset_of_streams_trains_every_weight(streams: tuple[str, ...]):
    for fusion in FUSIONS:
        own = adapter(streams, fusion)
        tokens = own(tiny_twins.tri())
        assert tokens.shape == (2, SHAPES.intervals * SHAPES.patches, SHAPES.host_width)
        (tokens * torch.randn(tokens.shape)).sum().backward()
        still = [name for name, weight in own.named_parameters() if weight.grad is None or not weight.grad.any()]
        assert still == [], f"{fusion}: no gradient reaches {still}"


def test_a_stream_that_a_run_leaves_out_is_not_read():
    clips, other = tiny_twins.tri(0), tiny_twins.tri(1)
    for left_out, streams in {"mv": ("residual", "context"), "residual": ("mv", "context")}.items():
        changed = clips._replace(**{left_out: getattr(other, left_out)})
        assert torch.equal(adapter(streams)(clips), adapter(streams)(changed))


@pytest.mark.parametrize("stream", ORDER)
def test_a_stream_that_a_run_takes_is_read(stream: str):
    clips, other = tiny_twins.tri(0), tiny_twins.tri(1)
    changed = clips._replace(**{stream: getattr(other, stream)})
    assert not torch.allclose(adapter(ORDER)(clips), adapter(ORDER)(changed))


def test_what_a_masked_map_holds_changes_nothing():
    clips, other = tiny_twins.tri(0), tiny_twins.tri(1)
    hidden = ~clips.mask[..., None, None, None]
    changed = clips._replace(
        mv=torch.where(hidden, other.mv, clips.mv), residual=torch.where(hidden, other.residual, clips.residual)
    )
    assert not torch.equal(changed.mv, clips.mv)
    assert torch.equal(adapter(("mv", "residual"))(clips), adapter(("mv", "residual"))(changed))


def test_no_map_is_not_the_same_as_a_map_of_zeros():
    clips = tiny_twins.tri()
    still = clips._replace(mv=torch.zeros_like(clips.mv), mask=torch.ones_like(clips.mask))
    none = still._replace(mask=torch.zeros_like(clips.mask))
    assert not torch.allclose(adapter(("mv",))(still), adapter(("mv",))(none))


def test_a_clip_is_described_alike_alone_and_in_a_batch():
    clips, own = tiny_twins.tri(batch=3), adapter(ORDER)
    alone = TriStream(*(stream[1:2] for stream in clips if stream is not None))
    torch.testing.assert_close(own(clips)[1:2], own(alone), atol=1e-5, rtol=0.0)


def test_a_slot_sees_its_own_cell_and_its_border_only():
    clips, own = tiny_twins.tri(), adapter(("mv",))
    clips = clips._replace(mask=torch.ones_like(clips.mask))
    changed = clips._replace(mv=clips.mv.clone())
    changed.mv[..., 3, 3] += 100.0  # the far corner of the last of 2 x 2 cells
    before, after = own.describe(clips).fused, own.describe(changed).fused
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.allclose(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("fusion", ["gated", "weighted_sum", "softmax", "compressed_stream"])
def test_gates_say_per_clip_and_interval_how_much_of_each_stream_passed(fusion: str):
    gates = adapter(ORDER, fusion).gates(tiny_twins.tri())
    assert list(gates) == list(ORDER)
    assert {gate.shape for gate in gates.values()} == {(2, SHAPES.intervals, SHAPES.patches)}
    torch.testing.assert_close(sum(gates.values()), torch.ones(2, SHAPES.intervals, SHAPES.patches))


def test_gates_of_a_chain_weigh_what_was_fused():
    """With every gate open to its second operand only the last stream passes, and the fused state is that stream's."""
    own = adapter(("mv", "residual", "context"))
    for fusion in own.fusions:
        torch.nn.init.zeros_(fusion.gate.weight)
        torch.nn.init.constant_(fusion.gate.bias, -40.0)
    gates, described = own.gates(tiny_twins.tri()), own.describe(tiny_twins.tri())
    assert gates["context"].min() > 0.999
    torch.testing.assert_close(described.fused, described.branches["context"])


def test_gates_differ_from_clip_to_clip():
    gates = adapter(("mv", "residual", "context")).gates(tiny_twins.tri())
    assert not torch.allclose(gates["mv"][0], gates["mv"][1])


def test_a_lone_stream_passes_whole():
    gates = adapter(("mv",)).gates(tiny_twins.tri())
    assert gates["mv"].min() == gates["mv"].max() == 1


@pytest.mark.parametrize("fusion", ["concat", "concat_mlp"])
def test_a_fusion_without_gates_says_so(fusion: str):
    with pytest.raises(ValueError, match=f"`{fusion}` has no gates"):
        adapter(ORDER, fusion).gates(tiny_twins.tri())


def test_the_most_salient_tokens_stand_twice_and_the_score_learns():
    chosen = {"name": "attention_weighted", "repeats": 2}
    torch.manual_seed(0)
    own = MotionAdapter(tiny_twins.settings(adapter__placement=chosen).adapter, SHAPES)
    assert own.salience is not None
    torch.nn.init.normal_(own.salience.weight, std=4.0)
    tokens = own(tiny_twins.tri()).unflatten(1, (SHAPES.intervals, 6))
    scores = own.salience(own.norm(own.describe(tiny_twins.tri()).fused))[..., 0]
    for clip in range(2):
        for interval in range(SHAPES.intervals):
            best = sorted(scores[clip, interval].argsort(descending=True)[:2].tolist())
            weight = 2 * scores[clip, interval, best].sigmoid()
            expected = weight[:, None] * tokens[clip, interval, best]
            torch.testing.assert_close(tokens[clip, interval, 4:], expected)
    tokens.square().sum().backward()
    assert own.salience.weight.grad is not None
    assert own.salience.weight.grad.any()


@pytest.mark.parametrize(
    "head", [{"name": "per_branch"}, {"name": "shared", "between": 5}], ids=lambda head: head["name"]
)
def test_an_aligned_projector_starts_where_stage_1_ended(head: dict[str, object]):
    torch.manual_seed(0)
    settings = tiny_twins.settings(adapter__head=head, adapter__projector="aligned", adapter__context_skip=0.0).adapter
    own = MotionAdapter(settings, SHAPES)
    learned = own.head(temperature=0.07)
    torch.nn.init.normal_(learned.fused()[0].weight)
    before = own(tiny_twins.tri())
    own.adopt(learned)
    said = learned(own.describe(tiny_twins.tri()))["fused"]
    expected = own.scale * said + own.interval + own.slot
    torch.testing.assert_close(own(tiny_twins.tri()), expected.flatten(1, 2))
    assert not torch.allclose(before, expected.flatten(1, 2))


def test_a_linear_projector_stays_as_it_was_drawn():
    own = adapter(ORDER)
    before = {name: weight.clone() for name, weight in own.state_dict().items()}
    own.adopt(own.head(temperature=0.07))
    assert all(torch.equal(weight, before[name]) for name, weight in own.state_dict().items())


@pytest.mark.parametrize(
    "head", [{"name": "per_branch"}, {"name": "shared", "between": 5}], ids=lambda head: head["name"]
)
def test_a_head_projects_the_fused_state_and_every_stream_s_own(head: dict[str, object]):
    torch.manual_seed(0)
    own = MotionAdapter(tiny_twins.settings(adapter__head=head).adapter, SHAPES)
    made = own.head(temperature=0.07)
    codes = made(own.describe(tiny_twins.tri()))
    assert list(codes) == ["fused", "mv", "residual", "context"]
    assert {code.shape for code in codes.values()} == {(2, SHAPES.intervals, SHAPES.patches, SHAPES.host_width)}
    assert made.log_inverse_temperature.exp().item() == pytest.approx(1 / 0.07)


def test_the_weights_of_the_shipped_adapter_are_drawn_in_this_order():
    """Results are measured with them: a weight more, or in another place, draws all that follow anew."""
    names = [name for name, _ in adapter(("mv", "residual", "context")).named_parameters()]
    parts = list(dict.fromkeys(".".join(name.split(".")[:2]) for name in names))
    scalars = ["interval", "slot", "scale", "skip"]
    layers = ["branches.mv", "branches.residual", "branches.context", "fusions.0", "fusions.1", "norm.weight"]
    assert parts == [*scalars, *layers, "norm.bias", "project.weight", "project.bias"]


def test_an_adapter_without_streams_is_refused():
    settings = tiny_twins.settings().adapter
    with pytest.raises(ValueError, match="at least one stream"):
        MotionAdapter(AdapterConfig(**dict(settings) | {"streams": []}), SHAPES)


@pytest.mark.parametrize(("tokens", "why"), [(5, "square number"), (9, "as many motion tokens as patches")])
def test_slots_that_do_not_fit_the_anchors_are_refused(tokens: int, why: str):
    settings = tiny_twins.settings(adapter__tokens=tokens, adapter__streams=["context"]).adapter
    with pytest.raises(ValueError, match=why):
        MotionAdapter(settings, SHAPES)


def test_the_way_past_the_fusion_needs_a_token_per_patch():
    settings = tiny_twins.settings(adapter__tokens=7, adapter__encoder={"name": "none", **UNITS}).adapter
    with pytest.raises(ValueError, match="context_skip needs as many motion tokens as patches"):
        MotionAdapter(settings, SHAPES)
