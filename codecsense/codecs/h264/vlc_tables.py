"""The numbers of CAVLC, and the tables that turn the next bits into a symbol and its length [1].

Where codes are told apart by their leading zeros and at most three bits after the first one, the table is addressed by
those: a few hundred entries do, where the code's sixteen bits would need 65,536.

References:
    [1] ITU-T H.264, tables 9-4 (coded block pattern), 9-5 (coeff_token), 9-7 to 9-9 (total_zeros), 9-10 (run_before).
"""

import numpy as np
from jaxtyping import Int16

from codecsense.codecs.h264.cabac_tables import read_numbers

INTRA_PATTERNS = read_numbers(
    "47 31 15 0 23 27 29 30 7 11 13 14 39 43 45 46 16 3 5 10 12 19 21 26 28 35 37 42 44 1 2 4 8 17 18 20 24 6 "
    "9 22 25 32 33 34 36 40 38 41",
    np.uint8,
)
INTER_PATTERNS = read_numbers(
    "0 16 1 2 4 8 32 3 5 10 12 15 47 7 11 13 14 6 9 31 35 37 42 44 33 34 36 40 39 43 45 46 17 18 20 24 19 21 "
    "26 28 23 27 29 30 22 25 38 41",
    np.uint8,
)

# coeff_token by number of levels (0 to 16) and of trailing ones (0 to 3): length and value, for nC 0, 2 and 4.
COEFF_LENGTHS = (
    "1 0 0 0 6 2 0 0 8 6 3 0 9 8 7 5 10 9 8 6 11 10 9 7 13 11 10 8 13 13 11 9 13 13 13 10 14 14 13 11 14 14 14 13 "
    "15 15 14 14 15 15 15 14 16 15 15 15 16 16 16 15 16 16 16 16 16 16 16 16",
    "2 0 0 0 6 2 0 0 6 5 3 0 7 6 6 4 8 6 6 4 8 7 7 5 9 8 8 6 11 9 9 6 11 11 11 7 12 11 11 9 12 12 12 11 12 12 12 11 "
    "13 13 13 12 13 13 13 13 13 14 13 13 14 14 14 13 14 14 14 14",
    "4 0 0 0 6 4 0 0 6 5 4 0 6 5 5 4 7 5 5 4 7 5 5 4 7 6 6 4 7 6 6 4 8 7 7 5 8 8 7 6 9 8 8 7 9 9 8 8 9 9 9 8 "
    "10 9 9 9 10 10 10 10 10 10 10 10 10 10 10 10",
)
COEFF_CODES = (
    "1 0 0 0 5 1 0 0 7 4 1 0 7 6 5 3 7 6 5 3 7 6 5 4 15 6 5 4 11 14 5 4 8 10 13 4 15 14 9 4 11 10 13 12 15 14 9 12 "
    "11 10 13 8 15 1 9 12 11 14 13 8 7 10 9 12 4 6 5 8",
    "3 0 0 0 11 2 0 0 7 7 3 0 7 10 9 5 7 6 5 4 4 6 5 6 7 6 5 8 15 6 5 4 11 14 13 4 15 10 9 4 11 14 13 12 8 10 9 8 "
    "15 14 13 12 11 10 9 12 7 11 6 8 9 8 10 1 7 6 5 4",
    "15 0 0 0 15 14 0 0 11 15 13 0 8 12 14 12 15 10 11 11 11 8 9 10 9 14 13 9 8 10 9 8 15 14 13 13 11 14 10 12 "
    "15 10 13 12 11 14 9 12 8 10 13 8 13 7 9 12 9 12 11 10 5 8 7 6 1 4 3 2",
)
CHROMA_LENGTHS = "2 0 0 0 6 1 0 0 6 6 3 0 6 7 7 6 6 8 8 7"
CHROMA_CODES = "1 0 0 0 7 1 0 0 4 6 1 0 3 3 2 5 2 3 2 0"

# total_zeros by number of levels, from 1 on; and for the four chroma DC coefficients.
ZEROS_LENGTHS = (
    "1 3 3 4 4 5 5 6 6 7 7 8 8 9 9 9",
    "3 3 3 3 3 4 4 4 4 5 5 6 6 6 6",
    "4 3 3 3 4 4 3 3 4 5 5 6 5 6",
    "5 3 4 4 3 3 3 4 3 4 5 5 5",
    "4 4 4 3 3 3 3 3 4 5 4 5",
    "6 5 3 3 3 3 3 3 4 3 6",
    "6 5 3 3 3 2 3 4 3 6",
    "6 4 5 3 2 2 3 3 6",
    "6 6 4 2 2 3 2 5",
    "5 5 3 2 2 2 4",
    "4 4 3 3 1 3",
    "4 4 2 1 3",
    "3 3 1 2",
    "2 2 1",
    "1 1",
)
ZEROS_CODES = (
    "1 3 2 3 2 3 2 3 2 3 2 3 2 3 2 1",
    "7 6 5 4 3 5 4 3 2 3 2 3 2 1 0",
    "5 7 6 5 4 3 4 3 2 3 2 1 1 0",
    "3 7 5 4 6 5 4 3 3 2 2 1 0",
    "5 4 3 7 6 5 4 3 2 1 1 0",
    "1 1 7 6 5 4 3 2 1 1 0",
    "1 1 5 4 3 3 2 1 1 0",
    "1 1 1 3 3 2 2 1 0",
    "1 0 1 3 2 1 1 1",
    "1 0 1 3 2 1 1",
    "0 1 1 2 1 3",
    "0 1 1 1 1",
    "0 1 1 1",
    "0 1 1",
    "0 1",
)
CHROMA_ZEROS_LENGTHS = ("1 2 3 3", "1 2 2", "1 1")
CHROMA_ZEROS_CODES = ("1 1 1 0", "1 1 0", "1 0")

# run_before by zeros left, from 1 to 6; beyond, three bits and then leading zeros tell it.
RUN_LENGTHS = ("1 1", "1 2 2", "2 2 2 2", "2 2 2 3 3", "2 2 3 3 3 3", "2 3 3 3 3 3 3")
RUN_CODES = ("1 0", "1 1 0", "3 2 1 0", "3 2 1 1 0", "3 2 3 2 1 0", "3 0 1 3 2 5 4")

TOKEN_BITS, CHROMA_TOKEN_BITS, ZEROS_BITS, RUN_BITS = 16, 8, 9, 3


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split()]


def _by_bits(lengths: str, codes: str, bits: int) -> Int16[np.ndarray, " entries"]:
    """Symbol times 32 plus length, by the next `bits` bits; 0 where no code begins so."""
    found = np.zeros(1 << bits, np.int16)
    for symbol, (length, code) in enumerate(zip(_numbers(lengths), _numbers(codes), strict=True)):
        if length:
            first = code << (bits - length)
            found[first : first + (1 << (bits - length))] = symbol << 5 | length
    return found


def _by_zeros(lengths: str, codes: str) -> Int16[np.ndarray, "128"]:
    """The same by eight times the leading zeros plus the three bits after the first one."""
    whole = _by_bits(lengths, codes, TOKEN_BITS)
    found = np.zeros(128, np.int16)
    for place in range(128):
        zeros, after = place >> 3, place & 7
        found[place] = whole[((8 | after) << 12 >> zeros) & 0xFFFF]
    return found


TOKENS = np.stack([_by_zeros(*pair) for pair in zip(COEFF_LENGTHS, COEFF_CODES, strict=True)]).ravel()
CHROMA_TOKENS = _by_bits(CHROMA_LENGTHS, CHROMA_CODES, CHROMA_TOKEN_BITS)
ZEROS = np.stack([_by_bits(*pair, ZEROS_BITS) for pair in zip(ZEROS_LENGTHS, ZEROS_CODES, strict=True)]).ravel()
CHROMA_ZEROS = np.stack(
    [_by_bits(*pair, RUN_BITS) for pair in zip(CHROMA_ZEROS_LENGTHS, CHROMA_ZEROS_CODES, strict=True)]
).ravel()
RUNS = np.stack([_by_bits(*pair, RUN_BITS) for pair in zip(RUN_LENGTHS, RUN_CODES, strict=True)]).ravel()
