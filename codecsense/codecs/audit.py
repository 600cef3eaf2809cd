"""What one file really is: counted packets, a short probe of what the decoder delivers, and the route that follows.

The route is decided by evidence from this very file, never by the codec's name: `native` if the probed pictures
carry vectors, `estimated` if they decode but carry none, `none` if nothing decodes.
"""

import hashlib
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from codecsense.codecs import Span
from codecsense.codecs.container import UnreadableError, mistake, opened, video_stream
from codecsense.codecs.corpus import Entry, inside, written
from codecsense.codecs.decoding import Video, decode
from codecsense.codecs.h264.headers import num_references
from codecsense.codecs.packets import PacketTable, read_packets
from codecsense.codecs.parsed_decoding import refused
from codecsense.codecs.settings import AuditConfig, DecodingConfig
from codecsense.codecs.vectors import exported

NO_HASH = "0" * 32
HASH_CHUNK = 1 << 20


class Probe(NamedTuple):
    """What the decoder delivered of the first pictures. `silent` counts B pictures whose vectors are all zero."""

    kinds: str
    predicted: int
    with_vectors: int
    silent: int
    corrupt: int
    interlaced: bool
    rotation_deg: int


def audit_file(root: Path, entry: Entry, settings: AuditConfig, *, blamed: str | None = None) -> dict[str, object]:
    """One row of the audit; an unreadable file, or one `blamed` for the end of a worker, gets a row with its reason."""
    row = _blank(entry)
    try:
        path = inside(root, entry.path)
        row |= {"num_bytes": path.stat().st_size, "content_hash": content_hash(path)}
        if blamed is not None:
            raise UnreadableError(blamed)
        packets = read_packets(path)
        row |= _counts(packets)
        with opened(path) as container:
            video = Video(container, video_stream(container), packets)
            row |= _headers(video)
            seen = probe(video, settings.probed_pictures)
            row |= _verdict(seen, row, settings)
            if row["codec"] == "h264" and row["route"] == "native":
                reason = refused(video)
                row["why"] += f"; not without decoding: {reason}" if reason else "; to be had without decoding"
    except UnreadableError as error:
        row |= {"readable": False, "reason": str(error), "route": "none", "why": str(error)}
    except Exception as error:
        row |= {"readable": False, "reason": mistake(error), "route": "none", "why": ""}
    return row


def content_hash(path: Path) -> str:
    """128 bits that two files share only if their bytes are equal."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while chunk := stream.read(HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def probe(video: Video, num_pictures: int) -> Probe:
    """Decode the first pictures and look at what comes with them."""
    settings = DecodingConfig(pictures="all", loop_filter=False)
    kinds, predicted, with_vectors, silent, corrupt = "", 0, 0, 0, 0
    interlaced, rotation = False, 0
    everything = decode(video, [Span(0, len(video.packets))], settings, side_data="motion")
    for decoded in islice(everything, num_pictures):
        kinds += decoded.kind
        corrupt += not decoded.usable
        interlaced |= decoded.picture.interlaced_frame
        rotation = round(decoded.picture.rotation / 90) * 90 % 360
        blocks = exported(decoded)
        predicted += decoded.kind != "I"
        if blocks is not None and len(blocks):
            moving = bool(np.any(blocks["motion_x"]) or np.any(blocks["motion_y"]))
            silent += decoded.kind == "B" and not moving
            with_vectors += 1
        del decoded, blocks
    return Probe(kinds, predicted, with_vectors, silent, corrupt, interlaced, rotation)


def _blank(entry: Entry) -> dict[str, Any]:
    numbers = ["num_bytes", "width", "height", "num_frames", "num_keys", "gop_max", "num_references", "rotation_deg"]
    texts = ["duplicate_of", "reason", "container", "codec", "profile", "pixel_format", "frame_types", "audio_codec"]
    flags = ["variable_rate", "has_b_frames", "interlaced"]
    row: dict[str, Any] = {"video_id": entry.video_id, "path": written(entry.path), "content_hash": NO_HASH}
    row |= (
        dict.fromkeys([*numbers, "num_audio", "num_errors"], 0) | dict.fromkeys(texts, "") | dict.fromkeys(flags, False)
    )
    row |= dict.fromkeys(["duration_s", "rate_fps", "gop_median"], 0.0)
    return row | {"readable": True, "route": "none", "why": ""}


def _counts(packets: PacketTable) -> dict[str, object]:
    keys = np.flatnonzero(packets.keys)
    gops = np.diff([*keys, len(packets)]) if len(keys) else np.array([len(packets)])
    return {
        "num_frames": len(packets),
        "num_keys": len(keys),
        "gop_median": float(np.median(gops)),
        "gop_max": int(gops.max()),
        "duration_s": packets.duration_s,
        "rate_fps": 1 / packets.frame_interval_s if packets.frame_interval_s > 0 else 0.0,
        "variable_rate": packets.variable_rate,
        "num_errors": packets.errors,
    }


def _headers(video: Video) -> dict[str, object]:
    context = video.stream.codec_context
    audio = video.container.streams.audio
    return {
        "container": video.container.format.name,
        "codec": context.codec.canonical_name,
        "profile": context.profile or "",
        "pixel_format": context.pix_fmt or "",
        "width": context.width,
        "height": context.height,
        "num_references": num_references(context.extradata) if context.codec.canonical_name == "h264" else 0,
        "num_audio": len(audio),
        "audio_codec": audio[0].codec_context.codec.canonical_name if audio and audio[0].codec_context else "",
    }


def _verdict(seen: Probe, row: dict[str, Any], settings: AuditConfig) -> dict[str, object]:
    if not seen.kinds:
        raise UnreadableError(f"none of the first {settings.probed_pictures} pictures can be decoded")
    if row["num_frames"] < 2:
        raise UnreadableError("a single picture, not a video")
    found = {
        "frame_types": seen.kinds,
        "has_b_frames": "B" in seen.kinds,
        "interlaced": seen.interlaced,
        "rotation_deg": seen.rotation_deg,
        "num_errors": row["num_errors"] + seen.corrupt,
    }
    return found | dict(zip(("route", "why"), _route(seen, settings), strict=True))


def _route(seen: Probe, settings: AuditConfig) -> tuple[str, str]:
    share = (seen.with_vectors - seen.silent) / max(seen.predicted, 1)
    evidence = f"{seen.with_vectors} of {seen.predicted} predicted pictures carry vectors"
    if seen.silent:
        evidence += f", {seen.silent} of them B pictures with zeros only"
    if seen.predicted == 0:
        return "estimated", "no predicted picture in the probe"
    if seen.with_vectors and share >= settings.min_vector_share:
        return "native", evidence
    return "estimated", evidence
