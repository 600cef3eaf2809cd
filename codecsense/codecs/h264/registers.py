"""How the compiled part keeps its state: places in one array of whole numbers, and the layout of the others.

Compiled functions take few arrays, since each costs seven machine words a call; so what a C program would keep in
structures lies in `registers`, by the numbers below, and per picture in two arenas:

    contexts   what later macroblocks of the same slice look at; it has a border that counts as not available
    motion     what is known of a picture at the end: vectors, references, quantisers
"""

from typing import NamedTuple

# the arithmetic decoder, and the reader of bits
RANGE, VALUE, BITS, PLACE, END = range(5)
# the slice
CABAC, KIND, ACROSS, DOWN, FIRST, QP, TRANSFORM_8X8, DIRECT_SPATIAL, INFERS_8X8, WANTS_LEVELS = range(5, 15)
NUM_REFERENCES = 15  # of list 0, and of list 1
NEAR_COLOCATED = 17  # the first picture of list 1 is there and not a long-term one
CONTEXT_SET = 18
ERROR = 19
# the macroblock
X, Y, HERE, SQUARES, BLUE, RED, QUARTERS, INTRA, LAST_QP_CHANGE, SKIP_RUN, CODED, EIGHT, CHROMA, MODE = range(20, 34)
NUMBER, SHAPE, FLAGS, LAST = range(34, 38)
WANTS_ENERGY = 61
HAS_COLOCATED = 38  # the motion of the first picture of list 1 is at hand, and of this size
SUBSHAPES = 39  # of four quarters
QUARTER_LISTS = 43  # the lists that each of four quarters uses
# strides and places in `contexts`
STRIDE, SQUARE_STRIDE, CHROMA_STRIDE, QUARTER_STRIDE = range(47, 51)
AT_SQUARES, AT_BLUE, AT_RED, AT_REFERENCES, AT_POSITIVE, AT_DIFFERENCES = range(51, 57)
NUM_SQUARES, NUM_QUARTERS = 57, 58
QUARTERS_SIZE, DIFFERENCES_SIZE = 59, 60
# pictures of both lists, 32 places each: identity, and for temporal direct the scale of a vector
IDENTITY = 64
SCALE = 128
IS_LONG = 160
COEFFICIENTS = 192  # levels of a block in scan order
PAIRS = 256  # scan positions of the levels that are not zero
DC = 320  # of the sixteen squares of a macroblock
NUM_REGISTERS = 352

P, B, ONLY_INTRA = 0, 1, 2
INTRA_SHAPE, WHOLE, ROWS, COLUMNS, EIGHTS = range(5)

# what a macroblock is to its neighbours
AVAILABLE, IS_INTRA, SKIPPED, DIRECT, IS_I_NXN, IS_PCM, IS_EIGHT, HAS_CHROMA_MODE = (1 << bit for bit in range(8))
AT_PATTERN = 8  # coded_block_pattern: four bits of luma, two of chroma
LUMA_DC, BLUE_DC, RED_DC = 1 << 14, 1 << 15, 1 << 16

# flags of a macroblock in `motion`, above its quantiser (8 bits) and shape (4 bits)
AT_SHAPE, AT_FLAGS = 8, 12
IN_SKIP, IN_DIRECT, IN_EIGHT, IN_PCM, IN_16X16 = (1 << bit for bit in range(5))

NOTHING, MISSING = -1, -2  # references: list not used or intra; outside the slice
OUTSIDE = 64  # number of levels of a square outside the slice

NO_ERROR, PAST_END, BAD_REFERENCE, BAD_SYNTAX, BAD_LEVELS, BAD_COLOCATED = range(6)
ERRORS = ("", "past the end", "no such reference", "no such syntax", "too many levels", "no colocated picture")


class Layout(NamedTuple):
    """Sizes of the arenas of a picture of so many macroblocks."""

    across: int
    down: int

    @property
    def num(self) -> int:
        """Macroblocks."""
        return self.across * self.down

    @property
    def motion_size(self) -> int:
        """Vectors and references of two lists, identities of two lists, one number per macroblock."""
        return 32 * self.num + 16 * self.num + self.num

    def starts(self) -> dict[int, int]:
        """Registers that depend on the size alone."""
        squares = (4 * self.across + 1) * (4 * self.down + 1)
        chroma = (2 * self.across + 1) * (2 * self.down + 1)
        quarters = (2 * self.across + 2) * (2 * self.down + 1)
        at_squares = (self.across + 2) * (self.down + 1)
        at_references = at_squares + squares + 2 * chroma
        return {
            ACROSS: self.across,
            DOWN: self.down,
            STRIDE: self.across + 2,
            SQUARE_STRIDE: 4 * self.across + 1,
            CHROMA_STRIDE: 2 * self.across + 1,
            QUARTER_STRIDE: 2 * self.across + 2,
            AT_SQUARES: at_squares,
            AT_BLUE: at_squares + squares,
            AT_RED: at_squares + squares + chroma,
            AT_REFERENCES: at_references,
            AT_POSITIVE: at_references + 2 * quarters,
            AT_DIFFERENCES: at_references + 4 * quarters,
            QUARTERS_SIZE: quarters,
            DIFFERENCES_SIZE: squares,
            NUM_SQUARES: 16 * self.num,
            NUM_QUARTERS: 4 * self.num,
        }

    @property
    def contexts_size(self) -> int:
        """Numbers in `contexts`."""
        starts = self.starts()
        return starts[AT_DIFFERENCES] + 2 * starts[DIFFERENCES_SIZE] + 8
