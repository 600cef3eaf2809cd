"""Which pictures may be pointed to: their order of display, the lists of a slice, and which are forgotten [1, 8.2].

References:
    [1] ITU-T H.264, sections 8.2.1 (order), 8.2.4 (lists), 8.2.5 (marking).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int32

from codecsense.codecs.h264.parameter_sets import Sequence
from codecsense.codecs.h264.registers import B
from codecsense.codecs.h264.slice_header import FORGET_ALL, SliceHeader

NO_PICTURE = -1


@dataclass
class Reference:
    """A picture that later ones may point to. `motion` is empty for a picture that never came."""

    identity: int
    frame_number: int
    order: int
    motion: Int32[np.ndarray, " places"]
    long_term: int | None = None

    @property
    def came(self) -> bool:
        """Whether it was ever read; gaps in the numbering leave pictures that were not."""
        return self.identity != NO_PICTURE


class OrderCounter:
    """Picture order counts, one picture after the other in coding order."""

    def __init__(self) -> None:
        self.high = self.low = 0
        self.frame_number = self.offset = 0
        self.forgot = False

    def order(self, header: SliceHeader) -> int:
        """The order of a frame: that of the field that is shown first."""
        sequence = header.sequence
        if sequence.order_type == 0:
            top = self._coded(header)
            return min(top, top + header.delta_bottom)
        if header.is_idr:
            offset = 0
        else:
            before = 0 if self.forgot else self.offset
            wrapped = (0 if self.forgot else self.frame_number) > header.frame_number
            offset = before + (1 << sequence.frame_number_bits if wrapped else 0)
        self.offset, self.frame_number = offset, header.frame_number
        self.forgot = False
        if sequence.order_type == 1:
            return _by_cycle(header, offset)
        order = 2 * (offset + header.frame_number)
        return order if header.reference_level else order - 1

    def forget(self, order: int) -> None:
        """All references were forgotten at a picture of this order (operation 5); counting begins anew there."""
        self.forgot, self.high, self.low = True, 0, 0
        self.offset = self.frame_number = 0

    def _coded(self, header: SliceHeader) -> int:
        if header.is_idr:
            self.high = self.low = 0
        span = 1 << header.sequence.order_bits
        high, low = self.high, header.order
        if low < self.low and self.low - low >= span // 2:
            high += span
        elif low > self.low and low - self.low > span // 2:
            high -= span
        if header.reference_level:
            self.high, self.low = high, low
        return high + low


def _by_cycle(header: SliceHeader, offset: int) -> int:
    """Order of type 1: an expected step per reference, plus what the slice adds."""
    sequence = header.sequence
    number = offset + header.frame_number if sequence.offsets else 0
    if not header.reference_level and number > 0:
        number -= 1
    expected = 0
    if number > 0:
        cycles, place = divmod(number - 1, len(sequence.offsets))
        expected = cycles * sum(sequence.offsets) + sum(sequence.offsets[: place + 1])
    if not header.reference_level:
        expected += sequence.offset_non_reference
    top = expected + header.deltas[0]
    return min(top, top + sequence.offset_bottom + header.deltas[1])


class References:
    """The pictures that are kept, and what a slice makes of them."""

    def __init__(self) -> None:
        self.kept: list[Reference] = []
        self.frame_number = 0

    def lists(self, header: SliceHeader, order: int) -> tuple[list[Reference | None], list[Reference | None]]:
        """Both lists as the slice will index them; None where no picture is to be had."""
        span = 1 << header.sequence.frame_number_bits
        numbered = [(self._number(kept, header.frame_number, span), kept) for kept in self.kept]
        by_number = [kept for number, kept in sorted(numbered, key=lambda pair: -pair[0]) if kept.long_term is None]
        long = sorted((kept for kept in self.kept if kept.long_term is not None), key=lambda kept: kept.long_term or 0)
        if header.kind != B:
            first, second = [*by_number, *long], []
        else:
            short = [kept for kept in by_number if kept.came]
            past = sorted((kept for kept in short if kept.order < order), key=lambda kept: -kept.order)
            future = sorted((kept for kept in short if kept.order >= order), key=lambda kept: kept.order)
            first, second = [*past, *future, *long], [*future, *past, *long]
            if len(second) > 1 and all(one is two for one, two in zip(first, second, strict=True)):
                second[:2] = second[1::-1]
        found: list[list[Reference | None]] = []
        for number, initial in enumerate((first, second)):
            size = header.num_references[number]
            listed: list[Reference | None] = [*initial[:size], *[None] * (size - len(initial))]
            found.append(self._changed(listed, header, number, span))
        return found[0], found[1]

    def fill_gap(self, header: SliceHeader) -> bool:
        """Stand-ins for pictures that were left out on purpose; whether pictures are missing that should be there."""
        span = 1 << header.sequence.frame_number_bits
        if header.is_idr or header.frame_number in (self.frame_number, (self.frame_number + 1) % span):
            return False
        if not header.sequence.gaps_allowed:
            return True
        missing = min((header.frame_number - self.frame_number - 1) % span, header.sequence.num_references)
        for number in range(missing, 0, -1):
            self._slide(header.sequence, (header.frame_number - number) % span, span)
            stand_in = Reference(NO_PICTURE, (header.frame_number - number) % span, 0, np.zeros(0, np.int32))
            self.kept.append(stand_in)
        return False

    def mark(self, header: SliceHeader, picture: Reference) -> bool:
        """Take up `picture` as the slice says; whether everything before it was forgotten by operation 5."""
        self.frame_number = header.frame_number
        if not header.reference_level:
            return False
        span = 1 << header.sequence.frame_number_bits
        if header.is_idr:
            self.kept = [replace(picture, long_term=0 if header.long_term else None)]
            return False
        forgot, long_term = False, None
        if header.markings is None:
            self._slide(header.sequence, header.frame_number, span)
        for operation, first, second in header.markings or []:
            forgot |= operation == FORGET_ALL
            if operation == 6:
                long_term = first
            self._operate(operation, first, second, header.frame_number, span)
        if long_term is not None:
            self.kept = [kept for kept in self.kept if kept.long_term != long_term]
        if forgot:
            self.frame_number = 0
            picture = replace(picture, frame_number=0, order=0)
        self.kept.append(replace(picture, long_term=long_term))
        while len(self.kept) > max(header.sequence.num_references, 1):
            self.kept.pop(0)
        return forgot

    def _number(self, kept: Reference, current: int, span: int) -> int:
        """PicNum."""
        return kept.frame_number - span if kept.frame_number > current else kept.frame_number

    def _slide(self, sequence: Sequence, current: int, span: int) -> None:
        short = [kept for kept in self.kept if kept.long_term is None]
        if short and len(self.kept) >= max(sequence.num_references, 1):
            oldest = min(short, key=lambda kept: self._number(kept, current, span))
            self.kept = [kept for kept in self.kept if kept is not oldest]

    def _operate(self, operation: int, first: int, second: int, current: int, span: int) -> None:
        if operation == 1:
            gone = self._short(current - first - 1, current, span)
            self.kept = [kept for kept in self.kept if kept is not gone]
        elif operation == 2:
            self.kept = [kept for kept in self.kept if kept.long_term != first]
        elif operation == 3:
            chosen = self._short(current - first - 1, current, span)
            self.kept = [kept for kept in self.kept if kept.long_term != second or kept is chosen]
            if chosen is not None:
                chosen.long_term = second
        elif operation == 4:
            self.kept = [kept for kept in self.kept if kept.long_term is None or kept.long_term < first]
        elif operation == FORGET_ALL:
            self.kept = []

    def _short(self, number: int, current: int, span: int) -> Reference | None:
        for kept in self.kept:
            if kept.long_term is None and self._number(kept, current, span) == number:
                return kept
        return None

    def _changed(
        self, listed: list[Reference | None], header: SliceHeader, number: int, span: int
    ) -> list[Reference | None]:
        """A list after its modification."""
        size, foreseen = len(listed), header.frame_number
        for place, (operation, code) in enumerate(header.changes[number][:size]):
            if operation == 2:
                chosen = next((kept for kept in self.kept if kept.long_term == code), None)
            else:
                foreseen = (foreseen + (code + 1 if operation else -code - 1)) % span
                wanted = foreseen - span if foreseen > header.frame_number else foreseen
                chosen = self._short(wanted, header.frame_number, span)
            rest = [kept for kept in listed[place:] if kept is None or kept is not chosen]
            listed = [*listed[:place], chosen, *rest][:size]
        return listed
