"""H.264 read to the bottom of its entropy coding, and no further: motion and residual without a predicted pixel.

    bits, parameter_sets, slice_header   the headers, in Python: a few hundred bits a picture
    references                           which pictures a slice may point to, and which are forgotten
    registers                            how the compiled part keeps its state
    cabac_tables, vlc_tables, scaling    the numbers of the standard
    memory, kernels                      how the functions below see arrays, and how they are compiled
    cabac, syntax, cavlc                 bins, bits and the syntax elements made of them
    neighbours, prediction, direct       vectors: what is coded plus what is foreseen
    inter, blocks, levels, coded         an inter macroblock; the levels of a block, of a macroblock
    macroblocks, transform               one slice; the residual as a picture
    compiled                             the two functions that Python calls, and when they are compiled anew
    headers, stream                      a file's packets in, one picture's motion and residual out
    velocity                             what fields are made of

Words:
    unit       a NAL unit: header byte and payload, escapes taken out
    square     4 x 4 luma samples, the smallest block with a vector; a quarter is 8 x 8 of them, with one reference
    level      a coefficient as coded, before it is scaled

References:
    [1] ITU-T Recommendation H.264, Advanced video coding for generic audiovisual services.
"""


class UnsupportedError(ValueError):
    """The stream uses something that this reader leaves to FFmpeg; the message names it."""


class DamagedError(ValueError):
    """A unit that cannot be what it says it is; it is counted, and reading goes on with the next."""
