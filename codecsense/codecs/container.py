"""Opening files that strangers made: what may be opened, and which errors mean "this file is bad".

A video folder may hold a playlist or a link in disguise, so the demuxers that open further files or
addresses (hls, concat, dash, ...) are not allowed: only the formats named here are. A corrupt header
surfaces as MemoryError, which FFmpeg's own error class does not cover, hence `BAD_FILE`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,kux,mpeg,mpegvideo,mpegts,asf,asf_o,ogg,h264,hevc,m4v,h263,"
    "h261,obu,av1,ivf,mxf,nut,rm,dv,swf,wtv,gif,mjpeg,wav,mp3,aac,flac,yuv4mpegpipe,evc,vvc,vc1,vc1test,nsv,ea,roq,smk,bink"
)
BAD_FILE = (av.FFmpegError, MemoryError, UnicodeDecodeError)
MAX_PIXELS = 16384 * 8704
STILL = Disposition.attached_pic | Disposition.still_image


class UnreadableError(ValueError):
    """This file gives no video, for the reason in the message; it costs one row of the rejects table."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container at `path`; `UnreadableError`, with FFmpeg's reason, where there is none."""
    if not path.is_file():
        raise UnreadableError("not a regular file")
    if path.stat().st_size == 0:
        raise UnreadableError("the file is empty")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(str(path.resolve()), options=options, metadata_errors="ignore")
    except BAD_FILE as error:
        raise UnreadableError(f"cannot be opened: {reason(error)}") from None
    with container:
        yield container


def video_stream(container: InputContainer) -> VideoStream:
    """The first moving picture that FFmpeg can decode; cover art, a video stream in audio files, does not count."""
    moving = [stream for stream in container.streams.video if not stream.disposition & STILL]
    if not moving:
        raise UnreadableError("no video stream" + (" (cover art only)" if container.streams.video else ""))
    for stream in moving:
        if stream.codec_context is not None:
            return stream
    raise UnreadableError("no decoder for the video stream")


def mistake(error: Exception) -> str:
    """How a mistake of ours is written down: it costs the file that showed it, and must not pass for damage."""
    return f"our mistake: {type(error).__name__}: {error}".strip()[:200]


def reason(error: BaseException) -> str:
    """FFmpeg's reason without its path, so that the same damage reads the same everywhere."""
    text = error.strerror if isinstance(error, av.FFmpegError) and error.strerror else type(error).__name__
    return text.strip().splitlines()[0][:120] if text.strip() else type(error).__name__
