"""Decode statistics of NVIDIA's decoder as blocks like those that FFmpeg exports.

The statistics list one record per 16 x 16 macroblock, row by row: kind of prediction, and a vector per list in
quarter pixels. They come in display order, all of a file, so pictures are counted along.
"""

import importlib
from typing import Any

import numpy as np

from codecsense.codecs import Decoded
from codecsense.codecs.container import UnreadableError
from codecsense.codecs.decoding import Video

PACKAGE = "PyNvVideoCodec"
MACROBLOCK_PX = 16
PREDICTED = (1, 2)  # inter and skipped; intra, raw and invalid blocks carry no vector
BLOCK = np.dtype(
    [
        *[("source", "<i4"), ("w", "u1"), ("h", "u1"), ("dst_x", "<i2"), ("dst_y", "<i2")],
        *[("motion_x", "<i4"), ("motion_y", "<i4"), ("motion_scale", "<u2")],
    ],
    align=True,
)
LISTS = ((-1, "mv0_x", "mv0_y"), (1, "mv1_x", "mv1_y"))


class Statistics:
    """A session that gives the vectors of one picture after another; `UnreadableError` where the GPU cannot."""

    def __init__(self, video: Video, *, gpu: int) -> None:
        try:
            decoder = package().SimpleDecoder(
                video.container.name, use_device_memory=False, gpu_id=gpu, enableDecodeStats=True
            )
        except RuntimeError as error:
            raise UnreadableError(f"the decoder of GPU {gpu} refuses it: {first_line(error)}") from None
        self.frames = enumerate(iter(decoder))
        self.width = video.stream.width
        self.told = False

    def blocks(self, decoded: Decoded) -> np.ndarray | None:
        """The vectors of this picture; None where there is no such picture.

        A driver without statistics turns them off without a word, which must not pass for a video without motion.
        """
        for rank, frame in self.frames:
            if rank < decoded.rank:
                continue
            if frame.decode_stats_size > 0:
                self.told = True
                return blocks_of(frame.ParseDecodeStats(), self.width)
            if not self.told:
                raise UnreadableError("this GPU gives no decode statistics of it; backend nvdec needs driver >= 590")
            return None
        return None


def package() -> Any:
    """PyNvVideoCodec; ValueError that says what is missing: the package, or a GPU with its driver."""
    try:
        return importlib.import_module(PACKAGE)
    except ModuleNotFoundError:
        raise ValueError(f"backend nvdec needs the package {PACKAGE} >= 2.1; or set extract.codec to routed") from None
    except (ImportError, OSError, RuntimeError) as error:
        raise ValueError(
            f"backend nvdec needs an NVIDIA GPU with a driver >= 590; {PACKAGE} says: {first_line(error)}; "
            "or set extract.codec to routed"
        ) from None


def first_line(error: Exception) -> str:
    """What an error says before it goes into detail."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:120]


def blocks_of(told: Any, width: int) -> np.ndarray:
    """Blocks with a vector, of both lists; a vector of zero in the second list is taken for none."""
    kinds = np.asarray(told["cu_type"])
    across = -(-width // MACROBLOCK_PX)
    row, column = np.divmod(np.arange(len(kinds)), across)
    found = []
    for source, name_x, name_y in LISTS:
        x, y = np.asarray(told[name_x]), np.asarray(told[name_y])
        chosen = np.isin(kinds, PREDICTED)
        if source > 0:
            chosen &= (x != 0) | (y != 0)
        blocks = np.zeros(int(chosen.sum()), BLOCK)
        blocks["source"], blocks["w"], blocks["h"], blocks["motion_scale"] = source, MACROBLOCK_PX, MACROBLOCK_PX, 4
        blocks["dst_x"] = (column[chosen] * MACROBLOCK_PX) + MACROBLOCK_PX // 2
        blocks["dst_y"] = (row[chosen] * MACROBLOCK_PX) + MACROBLOCK_PX // 2
        blocks["motion_x"], blocks["motion_y"] = x[chosen], y[chosen]
        found.append(blocks)
    return np.concatenate(found)
