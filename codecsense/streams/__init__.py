"""Anchors and the intervals between them: the tri-stream of one video, as arrays.

A video becomes a few anchors in full colour and, for each interval between two neighbouring anchors, a bounded
number of maps of motion and residual on a grid of fixed size, whatever the codec, rate, size and length. What
an array holds is written here once; packing it into shards must not change a bit.

Words:
    anchor    a picture that the model sees in full            A  anchors per video
    interval  what lies between two neighbouring anchors       T  maps per interval
    frame     a decoded picture strictly inside an interval    F  frames per interval (may be 0)
    map       motion or residual of one or more pictures       rows x columns of the grid
    slot      the place of a map in its interval; longer intervals share slots, shorter ones leave some empty
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float16, Float32, UInt8


class VideoStreams(NamedTuple):
    """All arrays of one video, in the order in which they are stored.

    `mv` is velocity in pixels of the coded picture per frame interval (x right, y down); `residual` mean
    absolute luma difference after motion compensation, 0-255; `map_mask` says which slots hold a map, and
    `map_source` where its motion came from (`codecs.Source`). `packet_size` is the mean coded size of the
    slot's pictures in bytes. `qp` is the mean quantiser, in one
    channel or in none. `mel` is log-mel as Whisper hears it.
    """

    anchors: UInt8[np.ndarray, "A height width 3"]
    anchor_time_s: Float32[np.ndarray, " A"]
    frames: UInt8[np.ndarray, "A-1 F height width 3"]
    mv: Float16[np.ndarray, "A-1 T 2 rows columns"]
    cover: Float16[np.ndarray, "A-1 T 1 rows columns"]
    residual: Float16[np.ndarray, "A-1 T 1 rows columns"]
    map_mask: Bool[np.ndarray, "A-1 T"]
    map_source: UInt8[np.ndarray, "A-1 T"]
    map_time_s: Float32[np.ndarray, "A-1 T"]
    qp: Float16[np.ndarray, "A-1 T qp rows columns"]
    packet_size: Float32[np.ndarray, "A-1 T"]
    mel: Float16[np.ndarray, "num_mels mel_frames"]
