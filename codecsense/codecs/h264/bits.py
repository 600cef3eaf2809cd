"""Headers bit by bit. A few hundred bits a picture, so plain Python does; what is coded below the slice header is
read by compiled code (`cavlc`, `cabac`).
"""

from codecsense.codecs.h264 import DamagedError

HEADER_BYTES = 1024  # no slice header is longer, whatever its tables of weights hold
ESCAPE, ESCAPED = b"\0\0\3", b"\0\0"


class Bits:
    """Reads a unit's payload from its first byte; `DamagedError` at its end."""

    def __init__(self, payload: bytes) -> None:
        self.text = bin(int.from_bytes(b"\1" + payload[:HEADER_BYTES], "big"))[3:]
        self.place = 0

    def read(self, count: int) -> int:
        """u(count)."""
        end = self.place + count
        if end > len(self.text):
            raise DamagedError("a header ends too early")
        found = int(self.text[self.place : end], 2) if count else 0
        self.place = end
        return found

    def flag(self) -> bool:
        """u(1)."""
        return self.read(1) == 1

    def golomb(self) -> int:
        """ue(v)."""
        one = self.text.find("1", self.place)
        zeros = one - self.place
        if one < 0 or zeros > 32:
            raise DamagedError("a header holds no such number")
        self.place = one
        return self.read(zeros + 1) - 1

    def signed_golomb(self) -> int:
        """se(v)."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def more(self) -> bool:
        """Whether anything stands before the closing bit."""
        return self.place < self.text.rfind("1")


def unescaped(unit: bytes) -> bytes:
    """The unit without the bytes that keep start codes out of it."""
    return unit.replace(ESCAPE, ESCAPED)
