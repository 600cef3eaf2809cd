"""The quantiser of every macroblock, as FFmpeg exports it: a pixel-free proxy of where an encoder spent its bits.

H.264 and MPEG-2 fill it. Scales differ between codecs, so it says more within a video than between two.
"""

import numpy as np
from av.sidedata.encparams import VideoEncParams
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from jaxtyping import Float32

from codecsense.codecs.grid import RASTER_PX, Raster
from codecsense.codecs.side_data import beside

MACROBLOCK_PX = 16


def quantisers(picture: VideoFrame, raster: Raster) -> Float32[np.ndarray, "grid_rows grid_columns"] | None:
    """Mean quantiser per grid cell; None where the decoder does not tell."""
    told = beside(picture).get(Type.VIDEO_ENC_PARAMS)
    if not isinstance(told, VideoEncParams) or not told.nb_blocks:
        return None
    squares = np.asarray(told.qp_map(), np.float32)
    for axis in (0, 1):
        squares = np.repeat(squares, MACROBLOCK_PX // RASTER_PX, axis=axis)
    missing = (max(0, raster.rows - squares.shape[0]), max(0, raster.columns - squares.shape[1]))
    squares = np.pad(squares, ((0, missing[0]), (0, missing[1])), mode="edge")
    return np.asarray(raster.pool(squares[None, : raster.rows, : raster.columns])[0], np.float32)
