"""Subtitle files as cues, read by FFmpeg's own demuxers, which cope with what is found in the wild."""

import html
import re
from pathlib import Path
from typing import Any

import av

from codecsense.think.transcribers import Cue

SUFFIXES = (".srt", ".vtt")
MARKUP = re.compile(r"<[^>]*>|\{\\[^}]*\}")


def beside(video: Path) -> Path | None:
    """The subtitle file that goes with a video: of the same name, with or without a language before the suffix."""
    if not video.parent.is_dir():
        return None
    found = [
        file
        for file in video.parent.iterdir()
        if file.suffix.lower() in SUFFIXES and file.name.startswith(f"{video.stem}.") and file.is_file()
    ]
    return min(found, key=lambda file: (len(file.name), file.name), default=None)


def read(path: Path) -> list[Cue]:
    """The cues of an .srt or .vtt file in the order of time, without markup; ValueError if it is neither."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path} is no subtitle file; known are {', '.join(SUFFIXES)}")
    try:
        with av.open(str(path), format={".srt": "srt", ".vtt": "webvtt"}[path.suffix.lower()]) as container:
            cues = [_cue(packet) for packet in container.demux() if packet.size and packet.pts is not None]
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as subtitles: {error}") from None
    found = sorted(cue for cue in cues if cue.text)
    if not found:
        raise ValueError(f"{path} cannot be read as subtitles: it holds no cue; remove it if nothing is said")
    return found


def _cue(packet: "av.Packet[Any]") -> Cue:
    assert packet.pts is not None
    assert packet.time_base is not None
    start_s = max(0.0, float(packet.pts * packet.time_base))
    text = html.unescape(MARKUP.sub("", bytes(packet).decode("utf-8", "replace")))
    return Cue(start_s, start_s + float((packet.duration or 0) * packet.time_base), " ".join(text.split()))
