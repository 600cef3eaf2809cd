"""The header of a slice [1, section 7.3.3].

References:
    [1] ITU-T H.264, sections 7.3.3, 7.3.3.1 to 7.3.3.3.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from codecsense.codecs.h264 import DamagedError, UnsupportedError
from codecsense.codecs.h264.bits import Bits
from codecsense.codecs.h264.parameter_sets import PictureSet, Sequence, require
from codecsense.codecs.h264.registers import ONLY_INTRA, B, P

IDR = 5
TYPES = {0: P, 1: B, 2: ONLY_INTRA}
MOST_OPERATIONS = 66
FORGET_ALL = 5


class Marking(NamedTuple):
    """One memory management control operation and its numbers."""

    operation: int
    first: int
    second: int


@dataclass
class SliceHeader:
    """What a slice says before its first macroblock. `place` is the bit where macroblocks begin."""

    sequence: Sequence
    picture_set: PictureSet
    first: int
    kind: int
    frame_number: int
    is_idr: bool
    reference_level: int
    idr_number: int = 0
    order: int = 0
    delta_bottom: int = 0
    deltas: tuple[int, int] = (0, 0)
    redundant: int = 0
    direct_spatial: bool = True
    num_references: tuple[int, int] = (0, 0)
    changes: tuple[list[tuple[int, int]], list[tuple[int, int]]] = field(default_factory=lambda: ([], []))
    no_output: bool = False
    long_term: bool = False
    markings: list[Marking] | None = None
    context_set: int = 0
    qp: int = 26
    place: int = 0

    def same_picture(self, other: "SliceHeader") -> bool:
        """Whether two slices belong to one picture (section 7.4.1.2.4)."""
        mine, its = (
            (
                header.frame_number,
                header.picture_set.number,
                header.reference_level > 0,
                header.is_idr,
                header.idr_number,
                header.order,
                header.delta_bottom,
                header.deltas,
            )
            for header in (self, other)
        )
        return mine == its


def read_header(payload: bytes, sequences: dict[int, Sequence], picture_sets: dict[int, PictureSet]) -> SliceHeader:
    """The header of the slice in an unescaped unit; `UnsupportedError` or `DamagedError` if there is none."""
    bits = Bits(payload)
    bits.read(1)
    reference_level, unit_type = bits.read(2), bits.read(5)
    first, code = bits.golomb(), bits.golomb()
    picture_set = picture_sets.get(bits.golomb())
    if picture_set is None or picture_set.sequence_number not in sequences:
        raise DamagedError("a slice without its parameter sets")
    sequence = sequences[picture_set.sequence_number]
    require(sequence, picture_set)
    if code % 5 not in TYPES:
        raise UnsupportedError("switching slices") if code < 10 else DamagedError(f"slice type {code}")
    frame_number = bits.read(sequence.frame_number_bits)
    if first >= sequence.layout.num:
        raise DamagedError(f"slice begins at macroblock {first} of {sequence.layout.num}")
    header = SliceHeader(sequence, picture_set, first, TYPES[code % 5], frame_number, unit_type == IDR, reference_level)
    _read_order(bits, header)
    if picture_set.redundant_present:
        header.redundant = bits.golomb()
    _read_references(bits, header)
    if reference_level:
        _read_marking(bits, header)
    _read_rest(bits, header)
    return header


def _read_order(bits: Bits, header: SliceHeader) -> None:
    sequence = header.sequence
    if header.is_idr:
        header.idr_number = bits.golomb()
    if sequence.order_type == 0:
        header.order = bits.read(sequence.order_bits)
        if header.picture_set.bottom_order_present:
            header.delta_bottom = bits.signed_golomb()
    elif sequence.order_type == 1 and not sequence.delta_always_zero:
        first = bits.signed_golomb()
        header.deltas = (first, bits.signed_golomb() if header.picture_set.bottom_order_present else 0)


def _read_references(bits: Bits, header: SliceHeader) -> None:
    if header.kind == ONLY_INTRA:
        return
    if header.kind == B:
        header.direct_spatial = bits.flag()
    counts = header.picture_set.num_references
    if bits.flag():
        counts = (bits.golomb() + 1, bits.golomb() + 1 if header.kind == B else 0)
    if max(counts) > 32:
        raise DamagedError(f"{max(counts)} references")
    header.num_references = (counts[0], counts[1] if header.kind == B else 0)
    for number in range(2 if header.kind == B else 1):
        header.changes[number].extend(_changes(bits))
    weighted = header.picture_set.weighted if header.kind == P else header.picture_set.weighted_b == 1
    if weighted:
        _skip_weights(bits, header)


def _changes(bits: Bits) -> list[tuple[int, int]]:
    """ref_pic_list_modification."""
    found: list[tuple[int, int]] = []
    if bits.flag():
        while (operation := bits.golomb()) != 3:
            if operation > 3 or len(found) > 32:
                raise DamagedError("a list of references is changed in no known way")
            found.append((operation, bits.golomb()))
    return found


def _skip_weights(bits: Bits, header: SliceHeader) -> None:
    """pred_weight_table: it changes samples, not motion."""
    bits.golomb()
    bits.golomb()
    for count in header.num_references:
        for _ in range(count):
            for numbers in (2, 4):
                if bits.flag():
                    for _ in range(numbers):
                        bits.signed_golomb()


def _read_marking(bits: Bits, header: SliceHeader) -> None:
    """dec_ref_pic_marking."""
    if header.is_idr:
        header.no_output, header.long_term = bits.flag(), bits.flag()
        return
    if not bits.flag():
        return
    header.markings = []
    while (operation := bits.golomb()) != 0:
        if operation > 6 or len(header.markings) > MOST_OPERATIONS:
            raise DamagedError("references are marked in no known way")
        first = bits.golomb() if operation in (1, 2, 3, 4, 6) else 0
        second = bits.golomb() if operation == 3 else 0
        header.markings.append(Marking(operation, first, second))


def _read_rest(bits: Bits, header: SliceHeader) -> None:
    picture_set = header.picture_set
    if picture_set.cabac and header.kind != ONLY_INTRA:
        header.context_set = bits.golomb() + 1
        if header.context_set > 3:
            raise DamagedError("no such set of contexts")
    header.qp = picture_set.qp + bits.signed_golomb()
    if not 0 <= header.qp <= 51:
        raise DamagedError(f"quantiser {header.qp}")
    if picture_set.deblocking_present and bits.golomb() != 1:
        bits.signed_golomb()
        bits.signed_golomb()
    header.place = bits.place
