"""The clips that speed is measured on: real pictures of tests/clips, scaled up and encoded as people encode.

Small test clips are joined and encoded again by x264 at its defaults (B frames, 3 references), so that
anyone can make the same file; long files repeat it by copying packets.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

TEST_CLIPS = Path(__file__).parents[1] / "tests/clips"
SOURCES = ("bunny_h264_surround.mp4", "city_mpeg2.mpg", "bikes_h264.mp4")
FOLDER = Path(tempfile.gettempdir()) / "codecsense-speed"
RATE_FPS = 25


def h264(*, width: int, height: int, num_frames: int, preset: str = "medium", params: str = "crf=23") -> Path:
    """An H.264 file with a key frame every two seconds; made once, then found again. `params` are x264's own."""
    FOLDER.mkdir(exist_ok=True)
    way = preset if params == "crf=23" else f"{preset}-{params.replace(':', '-')}"
    path = FOLDER / f"{width}x{height}-{num_frames}-{way}.mp4"
    if path.exists():
        return path
    unfinished = path.with_suffix(".unfinished.mp4")
    with av.open(str(unfinished), "w") as container:
        options = {"preset": preset, "x264-params": f"threads=1:keyint={2 * RATE_FPS}:{params}"}
        stream = container.add_stream("libx264", rate=RATE_FPS, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        pictures = _pictures(width, height)
        for _ in range(num_frames):
            frame = av.VideoFrame.from_ndarray(next(pictures), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    unfinished.replace(path)
    return path


def repeated(path: Path, *, times: int) -> Path:
    """The same pictures `times` over, by copying packets with later stamps."""
    longer = path.with_name(f"{path.stem}-x{times}.mp4")
    if longer.exists():
        return longer
    with av.open(str(path)) as source, av.open(str(longer), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        last = max(packet.pts or 0 for packet in packets)
        step = (last - min(packet.pts or 0 for packet in packets)) // (len(packets) - 1)
        length = last - min(packet.pts or 0 for packet in packets) + step
        for number in range(times):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.pts = (packet.pts or 0) + number * length
                again.dts = (packet.dts or 0) + number * length
                again.time_base, again.is_keyframe, again.stream = packet.time_base, packet.is_keyframe, copy
                target.mux(again)
    return longer


def _pictures(width: int, height: int) -> Iterator[np.ndarray]:
    """Planar pictures of all sources one after another, then again from the start."""
    while True:
        for name in SOURCES:
            with av.open(str(TEST_CLIPS / name)) as container:
                for frame in container.decode(video=0):
                    yield frame.reformat(width, height, "yuv420p").to_ndarray()
