"""Subtitles: reading SRT and the JSON of LongVideoBench, and which lines are shown with which frames."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codecsense.benchmarks import Line
from codecsense.benchmarks import _reading as reading

STAMPS = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[,.](\d{1,3})\s*-->\s*(\d{1,2}):(\d{2}):(\d{2})[,.](\d{1,3})")
TAG = re.compile(r"<[^<>]{0,80}>")


def srt(path: Path) -> list[Line]:
    """The lines of an SRT file, in order; formatting is dropped, lines without words are not there."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    found = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        stamps = STAMPS.search(block)
        if stamps is None:
            if block.strip():
                raise ValueError(f"{path}: {block.strip()!r:.60} has no times like 00:00:01,000 --> 00:00:02,000")
            continue
        start, end = _seconds(stamps.groups()[:4]), _seconds(stamps.groups()[4:])
        words = " ".join(TAG.sub("", block[stamps.end() :]).split())
        if words:
            found.append(Line(start, end, words))
    return found


def _seconds(parts: Sequence[str | Any]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def long_video_bench(path: Path, *, offset_s: float, duration_s: float) -> list[Line]:
    """The lines of a LongVideoBench file, in either of its two forms, in seconds of the cut video.

    A time that is not a decimal fraction stands for the end of the video [official]; it is taken before the offset is
    subtracted, as the script does.
    """
    found = []
    for place, row in reading.rows(reading.document(path), path):
        if "timestamp" in row:
            start, end = row["timestamp"]
            end = end if isinstance(end, float) else duration_s
            words = reading.words(row, "text", place)
        else:
            start, end = (
                _clock(reading.words(row, "start", place), place),
                _clock(reading.words(row, "end", place), place),
            )
            words = reading.words(row, "line", place)
        found.append(Line(float(start) - offset_s, float(end) - offset_s, words))
    return found


def _clock(stamp: str, place: str) -> float:
    parts = stamp.split(":")
    if len(parts) != 3:
        raise ValueError(f"{place}: {stamp!r:.40} must be hours:minutes:seconds")
    return int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2])


def covering(lines: Sequence[Line], times_s: Sequence[float]) -> list[Line]:
    """The lines that are on screen at one of the times, in order, each once."""
    return [line for line in lines if any(line.start_s <= time <= line.end_s for time in times_s)]


def interleaved(lines: Sequence[Line], times_s: Sequence[float], frame: str) -> list[str]:
    """Frames with the lines between them, each line after the frames up to its middle.

    A line is kept only if a frame falls strictly inside it; one shorter than a second counts as a second long.
    """
    shown: list[str] = []
    placed = 0
    for line in lines:
        middle = (line.start_s + line.end_s) / 2
        while placed < len(times_s) and times_s[placed] <= middle:
            shown.append(frame)
            placed += 1
        start, end = (line.start_s, line.end_s) if line.end_s - line.start_s >= 1 else (middle - 0.5, middle + 0.5)
        if any(start < time < end for time in times_s):
            shown.append(line.text)
    return shown + [frame] * (len(times_s) - placed)
