"""How many references an H.264 stream may use, read from its sequence parameter set [1].

FFmpeg does not hand this number out, and it says how far a vector may point: with one reference, dividing a vector
by the distance to the picture before is exact.

References:
    [1] ITU-T H.264, sections 7.3.2.1.1 and 9.1.
"""

START_CODE = b"\0\0\1"
SEQUENCE = 7
WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def num_references(extradata: bytes | None) -> int:
    """`max_num_ref_frames` of the first sequence parameter set; 0 where there is none to be read."""
    unit = _sequence_unit(extradata or b"")
    try:
        return _max_num_ref_frames(_Bits(unit.replace(b"\0\0\3", b"\0\0"))) if len(unit) > 4 else 0
    except IndexError:
        return 0


def _sequence_unit(data: bytes) -> bytes:
    """The first sequence parameter set, from an avcC record or from a stream with start codes."""
    if data[:1] == b"\1" and len(data) > 8 and data[5] & 31:
        return data[8 : 8 + int.from_bytes(data[6:8], "big")]
    for unit in data.split(START_CODE):
        if unit and unit[0] & 31 == SEQUENCE:
            return unit
    return b""


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self.data[self.place >> 3] >> (7 - (self.place & 7)) & 1
            self.place += 1
        return value

    def golomb(self) -> int:
        zeros = 0
        while self.read(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_golomb(self) -> int:
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _max_num_ref_frames(bits: _Bits) -> int:
    bits.read(8)
    profile = bits.read(8)
    bits.read(16)
    bits.golomb()
    if profile in WITH_CHROMA:
        _skip_chroma(bits)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.read(1)
        bits.signed_golomb()
        bits.signed_golomb()
        for _ in range(bits.golomb()):
            bits.signed_golomb()
    return bits.golomb()


def _skip_chroma(bits: _Bits) -> None:
    chroma = bits.golomb()
    if chroma == 3:
        bits.read(1)
    bits.golomb()
    bits.golomb()
    bits.read(1)
    if bits.read(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.read(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last
