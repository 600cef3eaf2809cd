"""Units and parameter sets of a stream, without anything that is compiled: what the audit asks for."""

from collections.abc import Iterable, Iterator

from codecsense.codecs.h264 import DamagedError, UnsupportedError
from codecsense.codecs.h264.bits import Bits, unescaped
from codecsense.codecs.h264.parameter_sets import PictureSet, Sequence, read_sequence
from codecsense.codecs.h264.slice_header import IDR, read_header

SLICE, SEQUENCE, PICTURE = 1, 7, 8
LEFT_OUT = {2: "data partitions", 15: "several layers or views", 20: "several layers or views", 21: "several views"}


class Headers:
    """The parameter sets that were met so far, and how units are told apart."""

    def __init__(self, extradata: bytes | None) -> None:
        """Read those that stand before the stream: an avcC record, or units with start codes."""
        self.sequences: dict[int, Sequence] = {}
        self.picture_sets: dict[int, PictureSet] = {}
        self.length_size = 0
        record = extradata or b""
        if record[:1] == b"\1" and len(record) >= 7:
            self.length_size = (record[4] & 3) + 1
            units = _record_units(record)
        else:
            units = list(self.units(record))
        for unit in units:
            self.take(unit)

    def units(self, packet: bytes) -> Iterator[bytes]:
        """NAL units of a packet, told apart by lengths or by start codes, as the stream has it."""
        if self.length_size == 0:
            for unit in packet.split(b"\0\0\1"):
                if unit := unit.rstrip(b"\0"):
                    yield unit
            return
        place = 0
        while place + self.length_size < len(packet):
            size = int.from_bytes(packet[place : place + self.length_size], "big")
            place += self.length_size
            if unit := packet[place : place + size]:
                yield unit
            place += size

    def take(self, unit: bytes) -> None:
        """Remember the unit if it is a parameter set; `UnsupportedError` if it says what this reader leaves out."""
        kind = unit[0] & 31
        if kind in LEFT_OUT:
            raise UnsupportedError(LEFT_OUT[kind])
        bits = Bits(unescaped(unit)[1:])
        says = ""
        if kind == SEQUENCE:
            sequence = read_sequence(bits)
            self.sequences[sequence.number] = sequence
            says = sequence.left_out
        elif kind == PICTURE:
            picture_set = PictureSet(bits, self.sequences)
            self.picture_sets[picture_set.number] = picture_set
            says = picture_set.left_out
        if says:
            raise UnsupportedError(says)


def left_out(extradata: bytes | None, packets: Iterable[bytes]) -> str:
    """Why a stream cannot be read by this reader; empty if it can.

    Parameter sets before the stream say it all; without them the first slice of `packets` is looked at.
    """
    try:
        headers = Headers(extradata)
        if headers.sequences and headers.picture_sets:
            return ""
        for packet in packets:
            for unit in headers.units(packet):
                if unit[0] & 31 in (SLICE, IDR):
                    read_header(unescaped(unit), headers.sequences, headers.picture_sets)
                    return ""
                headers.take(unit)
    except (UnsupportedError, DamagedError) as error:
        return str(error)
    return "no slice"


def num_references(extradata: bytes | None) -> int:
    """`max_num_ref_frames` of the first sequence parameter set; 0 where there is none to be read.

    It says how far a vector may point: with one reference, dividing it by the distance to the picture before is exact.
    """
    headers = Headers(None)
    for unit in _record_units(extradata) if extradata and extradata[:1] == b"\1" else headers.units(extradata or b""):
        if unit[0] & 31 == SEQUENCE:
            try:
                return read_sequence(Bits(unescaped(unit)[1:])).num_references
            except DamagedError:
                return 0
    return 0


def _record_units(record: bytes) -> list[bytes]:
    """The parameter sets of an avcC record."""
    units, place = [], 5
    for mask in (31, 255):
        count = record[place] & mask if place < len(record) else 0
        place += 1
        for _ in range(count):
            size = int.from_bytes(record[place : place + 2], "big")
            if unit := record[place + 2 : place + 2 + size]:
                units.append(unit)
            place += 2 + size
    return units
