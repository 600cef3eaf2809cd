"""A clip as a file: H.264 and AAC in MP4, the same bytes for the same script.

The codec is held to what the micro world promises: a key frame at every anchor and nowhere else, one reference (the
vectors that FFmpeg exports do not say which they mean), no B frames, and no weighted prediction (it would swallow
flashes of light). One thread, and no macroblock tree: with it x264 was seen to write different bytes for the
same pictures. The codec code itself must cope with all of these on other people's videos.
"""

from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import Int16, UInt8

from codecsense.world import WorldConfig


def encode(
    pictures: UInt8[np.ndarray, "frames size size 3"],
    sound: Int16[np.ndarray, " samples"],
    *,
    world: WorldConfig,
    path: Path,
) -> None:
    """Write the clip to `path`, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with av.open(str(unfinished), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=world.fps, options=_video_options(world))
        video.width = video.height = world.size_px
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=world.sample_rate_hz, layout="mono", options={"aac_coder": "fast"})
        audio.bit_rate = world.audio_bit_rate
        for stream in (video, audio):
            stream.codec_context.flags |= av.codec.context.Flags.bitexact
            stream.codec_context.thread_count = 1
        for picture in pictures:
            planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
            container.mux(video.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(video.encode(None))
        container.mux(audio.encode(_audio_frame(sound, world.sample_rate_hz)))
        container.mux(audio.encode(None))
    unfinished.replace(path)


def _video_options(world: WorldConfig) -> dict[str, str]:
    every = world.gop_frames
    structure = f"keyint={every}:min-keyint={every}:scenecut=0:bframes=0:ref=1:weightp=0"
    repeatable = "threads=1:mbtree=0:rc-lookahead=0"
    return {"preset": "fast", "crf": str(world.crf), "x264-params": f"{structure}:{repeatable}"}


def _audio_frame(sound: Int16[np.ndarray, " samples"], sample_rate_hz: int) -> av.AudioFrame:
    samples = (sound[None] / 32768).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
    frame.sample_rate = sample_rate_hz
    frame.pts = 0
    return frame
