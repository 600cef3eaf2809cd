"""A stream's packets in coding order in, one picture's motion and residual out.

Each packet holds one picture. What cannot be read at all raises `UnsupportedError`; what is damaged costs its slice,
is said of its picture, and of every picture that is read with its help.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int8, Int16, Int32

from codecsense.codecs.h264 import DamagedError
from codecsense.codecs.h264.bits import unescaped
from codecsense.codecs.h264.compiled import slice_reader, transformer
from codecsense.codecs.h264.headers import SLICE, Headers
from codecsense.codecs.h264.references import OrderCounter, Reference, References
from codecsense.codecs.h264.registers import (
    AT_FLAGS,
    AT_POSITIVE,
    AT_REFERENCES,
    AT_SHAPE,
    AT_SQUARES,
    CABAC,
    CONTEXT_SET,
    DIRECT_SPATIAL,
    END,
    ERROR,
    ERRORS,
    FIRST,
    HAS_COLOCATED,
    IDENTITY,
    IN_EIGHT,
    INFERS_8X8,
    IS_LONG,
    KIND,
    MISSING,
    NEAR_COLOCATED,
    NOTHING,
    NUM_REFERENCES,
    NUM_REGISTERS,
    OUTSIDE,
    PLACE,
    QP,
    SCALE,
    TRANSFORM_8X8,
    WANTS_ENERGY,
    WANTS_LEVELS,
    B,
    Layout,
    P,
)
from codecsense.codecs.h264.slice_header import IDR, SliceHeader, read_header

PADDING = bytes(16)
NO_MOTION = np.zeros(0, np.int32)
NO_LEVELS = np.zeros(0, np.int32)
NO_ENERGY = np.zeros((0, 0), np.float32)
KINDS = {P: "P", B: "B"}


@dataclass
class Picture:
    """What was read of one picture. Arrays are views; vectors count quarter pixels, x first, to where samples are.

    `identity` counts pictures in coding order; `references` holds those of other pictures, -1 where a list is not used.
    `energy` is empty if it was not asked for.
    """

    identity: int
    layout: Layout
    order: int
    kind: str
    is_reference: bool
    motion: Int32[np.ndarray, " places"]
    energy: Float32[np.ndarray, "squares_down squares_across"]
    coefficients: Int32[np.ndarray, " samples"]
    damage: list[str] = field(default_factory=list)
    num_read: int = 0

    @property
    def vectors(self) -> Int16[np.ndarray, "2 squares_down squares_across 2"]:
        """Of list 0 and list 1, per square of 4 x 4; anything where the list is not used."""
        across, down = self.layout.across, self.layout.down
        return self.motion[: 32 * self.layout.num].view(np.int16).reshape(2, 4 * down, 4 * across, 2)

    @property
    def indices(self) -> Int32[np.ndarray, "2 quarters_down quarters_across"]:
        """Reference indices per quarter of 8 x 8, -1 where the list is not used."""
        return self._quarters(0)

    @property
    def references(self) -> Int32[np.ndarray, "2 quarters_down quarters_across"]:
        """Which picture it is, per quarter of 8 x 8."""
        return self._quarters(8)

    @property
    def qp(self) -> Int8[np.ndarray, "down across"]:
        """The luma quantiser of each macroblock."""
        return (self._macroblocks() & 255).astype(np.int8)

    @property
    def shapes(self) -> Int32[np.ndarray, "down across"]:
        """How each macroblock is parted: `registers.INTRA_SHAPE` and the names beside it."""
        return self._macroblocks() >> AT_SHAPE & 15

    @property
    def flags(self) -> Int32[np.ndarray, "down across"]:
        """Whether each macroblock is skipped, direct and so on: `registers.IN_SKIP` and the names beside it."""
        return self._macroblocks() >> AT_FLAGS

    def residual(self) -> Int16[np.ndarray, "height width"]:
        """The coded luma residual, of whole macroblocks. Only if coefficients were asked for."""
        if not len(self.coefficients):
            raise ValueError("the residual was not asked for; read with with_coefficients=True")
        found = np.zeros(256 * self.layout.num, np.int16)
        eight = ((self.flags & IN_EIGHT) != 0).ravel()
        work = np.zeros(64, np.int64)
        transformer()(self.coefficients, eight, found, work, self.layout.across, self.layout.down)
        return found.reshape(16 * self.layout.down, 16 * self.layout.across)

    def _quarters(self, start: int) -> np.ndarray:
        across, down, num = self.layout.across, self.layout.down, self.layout.num
        return self.motion[(32 + start) * num : (40 + start) * num].reshape(2, 2 * down, 2 * across)

    def _macroblocks(self) -> np.ndarray:
        return self.motion[48 * self.layout.num :].reshape(self.layout.down, self.layout.across)


class Stream:
    """Reads the packets of one stream, in coding order."""

    def __init__(self, extradata: bytes | None, *, with_energy: bool = True, with_coefficients: bool = False) -> None:
        self.with_energy, self.with_coefficients = with_energy or with_coefficients, with_coefficients
        self.headers = Headers(extradata)
        self.references, self.counter = References(), OrderCounter()
        self.registers = np.zeros(NUM_REGISTERS, np.int64)
        self.states = np.zeros(1024, np.uint8)
        self.contexts = np.zeros(0, np.int32)
        self.layout = Layout(0, 0)
        self.identity = 0

    def read(self, packet: bytes) -> Picture | None:
        """The picture of a packet; None if there is none in it, or none of it can be read."""
        picture: Picture | None = None
        header: SliceHeader | None = None
        damage: list[str] = []
        for unit in self.headers.units(packet):
            try:
                if unit[0] & 31 not in (SLICE, IDR):
                    self.headers.take(unit)
                    continue
                payload = unescaped(unit)
                found = read_header(payload, self.headers.sequences, self.headers.picture_sets)
                if found.redundant:
                    continue
                if picture is None or header is None:
                    picture, header = self._begin(found), found
                elif not header.same_picture(found):
                    raise DamagedError("two pictures in one packet")
                self._read_slice(payload, found, picture)
            except DamagedError as error:
                damage.append(str(error))
        if picture is not None and header is not None:
            picture.damage.extend(damage)
            self._end(header, picture)
        return picture

    def reset(self) -> None:
        """Begin anew at a key frame elsewhere in the stream."""
        self.references, self.counter = References(), OrderCounter()

    def _begin(self, header: SliceHeader) -> Picture:
        """A picture of which nothing is read yet."""
        layout = header.sequence.layout
        if layout != self.layout:
            self.layout = layout
            for place, number in layout.starts().items():
                self.registers[place] = number
            self.contexts = _empty_contexts(layout)
        motion = np.empty(layout.motion_size, np.int32)
        motion[32 * layout.num : 48 * layout.num] = NOTHING
        motion[48 * layout.num :] = 0
        energy = np.zeros((4 * layout.down, 4 * layout.across), np.float32) if self.with_energy else NO_ENERGY
        coefficients = np.zeros(256 * layout.num, np.int32) if self.with_coefficients else NO_LEVELS
        lost = self.references.fill_gap(header)
        picture = Picture(
            identity=self.identity,
            layout=layout,
            order=self.counter.order(header),
            kind="I",
            is_reference=header.reference_level > 0,
            motion=motion,
            energy=energy,
            coefficients=coefficients,
        )
        if lost:
            picture.damage.append("pictures before it are missing")
        self.identity += 1
        return picture

    def _read_slice(self, payload: bytes, header: SliceHeader, picture: Picture) -> None:
        registers = self.registers
        if header.kind in KINDS and picture.kind != "B":
            picture.kind = KINDS[header.kind]
        first, second = self.references.lists(header, picture.order)
        if None in first or None in second:
            picture.damage.append("a reference is missing")
        colocated = self._set_references(header, picture, first, second)
        payload = payload.rstrip(b"\0")
        registers[FIRST], registers[KIND], registers[QP] = header.first, header.kind, header.qp
        registers[CABAC], registers[CONTEXT_SET] = header.picture_set.cabac, header.context_set
        registers[TRANSFORM_8X8] = header.picture_set.transform_8x8
        registers[DIRECT_SPATIAL], registers[INFERS_8X8] = header.direct_spatial, header.sequence.infers_8x8
        registers[WANTS_ENERGY], registers[WANTS_LEVELS] = self.with_energy, self.with_coefficients
        registers[PLACE] = (header.place + 7) // 8 if header.picture_set.cabac else header.place
        registers[END] = len(payload)
        registers[HAS_COLOCATED] = len(colocated) == len(picture.motion)
        scales = header.picture_set.scales
        after = slice_reader()(
            np.frombuffer(payload + PADDING, np.uint8),
            registers,
            self.states,
            self.contexts,
            picture.motion,
            colocated,
            picture.energy.ravel(),
            picture.coefficients,
            scales.weights,
            scales.factors,
        )
        picture.num_read += after - header.first
        if registers[ERROR]:
            picture.damage.append(f"slice ends at macroblock {after}: {ERRORS[registers[ERROR]]}")

    def _set_references(
        self, header: SliceHeader, picture: Picture, first: list[Reference | None], second: list[Reference | None]
    ) -> Int32[np.ndarray, " places"]:
        """Tell the registers what the lists hold; the motion of the colocated picture."""
        registers = self.registers
        registers[NUM_REFERENCES : NUM_REFERENCES + 2] = len(first), len(second)
        registers[IDENTITY : IDENTITY + 64] = NOTHING
        for place, listed in ((IDENTITY, first), (IDENTITY + 32, second)):
            for number, reference in enumerate(listed):
                if reference is not None:
                    registers[place + number] = reference.identity
        if header.kind != B or not second or second[0] is None:
            return NO_MOTION
        registers[NEAR_COLOCATED] = second[0].long_term is None
        if not header.direct_spatial:
            for number, reference in enumerate(first):
                registers[IS_LONG + number], registers[SCALE + number] = _scale(picture.order, reference, second[0])
        return second[0].motion

    def _end(self, header: SliceHeader, picture: Picture) -> None:
        if picture.num_read < picture.layout.num:
            picture.damage.append(f"{picture.num_read} of {picture.layout.num} macroblocks were read")
        reference = Reference(picture.identity, header.frame_number, picture.order, picture.motion)
        if self.references.mark(header, reference):
            self.counter.forget(picture.order)


def _empty_contexts(layout: Layout) -> Int32[np.ndarray, " places"]:
    starts = layout.starts()
    contexts = np.zeros(layout.contexts_size, np.int32)
    contexts[starts[AT_SQUARES] : starts[AT_REFERENCES]] = OUTSIDE
    contexts[starts[AT_REFERENCES] : starts[AT_POSITIVE]] = MISSING
    return contexts


def _scale(order: int, reference: Reference | None, colocated: Reference) -> tuple[bool, int]:
    """Whether a vector is not to be divided, and by how much it is (section 8.4.1.2.3)."""
    if reference is None:
        return True, 256
    nearer = max(-128, min(127, order - reference.order))
    whole = max(-128, min(127, colocated.order - reference.order))
    if reference.long_term is not None or whole == 0:
        return True, 256
    step = int((16384 + abs(int(whole / 2))) / whole)
    return False, max(-1024, min(1023, (nearer * step + 32) >> 6))
