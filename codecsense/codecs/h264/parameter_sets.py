"""What holds for a whole stream and for many slices: sequence and picture parameter sets [1, section 7.3.2].

References:
    [1] ITU-T H.264, sections 7.3.2.1, 7.3.2.2 and 7.4.2.1 (fall-back of scaling lists).
"""

from functools import cached_property
from typing import Any, NamedTuple

from codecsense.codecs.h264 import DamagedError, UnsupportedError
from codecsense.codecs.h264.bits import Bits
from codecsense.codecs.h264.registers import Layout
from codecsense.codecs.h264.scaling import DEFAULTS_4X4, DEFAULTS_8X8, Scales, Scaling

WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
FLAT = Scaling(((16,) * 16, (16,) * 16), ((16,) * 64, (16,) * 64))
INTRA_Y, INTER_Y, INTRA_Y_8X8, INTER_Y_8X8 = 0, 3, 6, 7
MOST_MACROBLOCKS = 139_264  # of level 6.2
MOST_REFERENCES = 16

Lists = dict[int, tuple[int, ...]]


class Sequence(NamedTuple):
    """A sequence parameter set."""

    number: int
    profile: int
    layout: Layout
    frame_number_bits: int
    order_type: int
    order_bits: int
    delta_always_zero: bool
    offset_non_reference: int
    offset_bottom: int
    offsets: tuple[int, ...]
    num_references: int
    gaps_allowed: bool
    infers_8x8: bool
    scaling: Scaling
    with_lists: bool
    left_out: str  # what this reader does not read; empty if it reads all of it


class PictureSet:
    """A picture parameter set."""

    def __init__(self, bits: Bits, sequences: dict[int, Sequence]) -> None:
        self.number = _limited(bits.golomb(), 255, "picture parameter set")
        self.sequence_number = bits.golomb()
        if self.sequence_number not in sequences:
            raise DamagedError("a picture parameter set without its sequence")
        sequence = sequences[self.sequence_number]
        self.cabac = bits.flag()
        self.bottom_order_present = bits.flag()
        self.left_out = "flexible macroblock order" if bits.golomb() else ""
        self.num_references = (1, 1)
        self.scaling, self.transform_8x8 = sequence.scaling, False
        if self.left_out:
            return
        self.num_references = (
            _limited(bits.golomb(), 31, "reference") + 1,
            _limited(bits.golomb(), 31, "reference") + 1,
        )
        self.weighted, self.weighted_b = bits.flag(), bits.read(2)
        self.qp = 26 + bits.signed_golomb()
        bits.signed_golomb()
        bits.signed_golomb()
        self.deblocking_present, self.constrained_intra = bits.flag(), bits.flag()
        self.redundant_present = bits.flag()
        if bits.more():
            self.transform_8x8 = bits.flag()
            if bits.flag():
                self.scaling = _scaling(bits, 8 if self.transform_8x8 else 6, sequence)

    @cached_property
    def scales(self) -> Scales:
        """How its levels are scaled."""
        return Scales(self.scaling)


def read_sequence(bits: Bits) -> Sequence:
    """A sequence parameter set, from the byte after the unit's header."""
    profile = bits.read(8)
    bits.read(16)
    number = _limited(bits.golomb(), 31, "sequence parameter set")
    left_out, scaling, with_lists = _chroma(bits) if profile in WITH_CHROMA else ("", FLAT, False)
    frame_number_bits = _limited(bits.golomb() + 4, 16, "frame number")
    order = _order(bits)
    num_references = bits.golomb()
    gaps_allowed = bits.flag()
    across, down = bits.golomb() + 1, bits.golomb() + 1
    if across * down > MOST_MACROBLOCKS:
        raise DamagedError(f"{across} x {down} macroblocks are more than any level has")
    frames_only = bits.flag()
    if not frames_only:
        left_out = left_out or "interlaced coding"
        bits.flag()
    if num_references > MOST_REFERENCES:
        raise DamagedError(f"{num_references} references")
    infers_8x8 = bits.flag()
    return Sequence(
        number=number,
        profile=profile,
        layout=Layout(across, down),
        frame_number_bits=frame_number_bits,
        **order,
        num_references=num_references,
        gaps_allowed=gaps_allowed,
        infers_8x8=infers_8x8,
        scaling=scaling,
        with_lists=with_lists,
        left_out=left_out,
    )


def require(sequence: Sequence, picture_set: PictureSet) -> None:
    """`UnsupportedError` if this reader leaves such streams to others."""
    left_out = sequence.left_out or picture_set.left_out
    if left_out:
        raise UnsupportedError(left_out)


def _limited(number: int, most: int, what: str) -> int:
    if number > most:
        raise DamagedError(f"{what} {number}, at most {most}")
    return number


def _chroma(bits: Bits) -> tuple[str, Scaling, bool]:
    left_out, scaling = "", FLAT
    chroma = bits.golomb()
    if chroma == 3:
        bits.flag()
    if chroma != 1:
        left_out = "chroma other than 4:2:0"
    depths = bits.golomb(), bits.golomb()
    if any(depths):
        left_out = left_out or "more than 8 bits"
    if bits.flag():
        left_out = left_out or "lossless coding"
    with_lists = bits.flag()
    if with_lists:
        lists = _lists(bits, 12 if chroma == 3 else 8)
        scaling = _fallen_back(lists, DEFAULTS_4X4, DEFAULTS_8X8)
    return left_out, scaling, with_lists


def _scaling(bits: Bits, count: int, sequence: Sequence) -> Scaling:
    """Scaling lists of a picture parameter set; those it leaves out come from the sequence, or from the defaults."""
    lists = _lists(bits, count)
    if sequence.with_lists:
        return _fallen_back(lists, sequence.scaling.squares, sequence.scaling.quarters)
    return _fallen_back(lists, DEFAULTS_4X4, DEFAULTS_8X8)


def _fallen_back(lists: Lists, squares: tuple[tuple[int, ...], ...], quarters: tuple[tuple[int, ...], ...]) -> Scaling:
    """Fall-back rules A and B: a list that is left out is the first of its kind from elsewhere."""
    return Scaling(
        (lists.get(INTRA_Y) or squares[0], lists.get(INTER_Y) or squares[1]),
        (lists.get(INTRA_Y_8X8) or quarters[0], lists.get(INTER_Y_8X8) or quarters[1]),
    )


def _lists(bits: Bits, count: int) -> Lists:
    found: Lists = {}
    for number in range(count):
        if bits.flag():
            found[number] = _list(bits, number)
    return found


def _list(bits: Bits, number: int) -> tuple[int, ...]:
    size = 16 if number < 6 else 64
    numbers: list[int] = []
    last = following = 8
    for place in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
            if place == 0 and following == 0:
                return DEFAULTS_4X4[number >= INTER_Y] if size == 16 else DEFAULTS_8X8[number % 2]
        last = following or last
        numbers.append(last)
    return tuple(numbers)


def _order(bits: Bits) -> dict[str, Any]:
    """How the order of display is told."""
    kind = _limited(bits.golomb(), 2, "picture order type")
    order_bits, always_zero, non_reference, bottom = 0, False, 0, 0
    offsets: tuple[int, ...] = ()
    if kind == 0:
        order_bits = _limited(bits.golomb() + 4, 16, "picture order")
    elif kind == 1:
        always_zero = bits.flag()
        non_reference, bottom = bits.signed_golomb(), bits.signed_golomb()
        offsets = tuple(bits.signed_golomb() for _ in range(_limited(bits.golomb(), 255, "cycle")))
    return {
        "order_type": kind,
        "order_bits": order_bits,
        "delta_always_zero": always_zero,
        "offset_non_reference": non_reference,
        "offset_bottom": bottom,
        "offsets": offsets,
    }
