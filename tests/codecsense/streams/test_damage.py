"""A small part of the fuzz campaign of `speed/`: no crash, no hang, no silent skip."""

from pathlib import Path

import pytest

from codecsense.codecs.audit import audit_file
from codecsense.codecs.container import UnreadableError
from codecsense.codecs.corpus import Entry
from codecsense.codecs.damage import DAMAGES, damaged
from codecsense.codecs.settings import AuditConfig
from codecsense.streams.extraction import backend_for, item_of
from codecsense.streams.settings import ExtractConfig
from codecsense.streams.tristream import extract_video

SOURCES = ("flv1.flv", "vp6f.flv", "bikes_vp9.webm")


def end_of(path: Path, audit: AuditConfig, settings: ExtractConfig) -> str:
    """How a file ends: `extracted`, or the reason why not. Anything else is an error of ours and is raised."""
    row = audit_file(path.parent, Entry(path.stem, path.name), audit)
    if not row["readable"]:
        return str(row["reason"])
    item = item_of(row)
    try:
        extract_video(path, settings, backend_for(settings, item), item.rotation_deg)
    except UnreadableError as error:
        return str(error)
    return "extracted"


@pytest.mark.timeout(120)
def test_every_damaged_file_ends_as_extracted_or_with_a_reason(
    real: Path, tmp_path: Path, audit_settings: AuditConfig, settings: ExtractConfig
):
    small = settings.model_copy(update={"max_picture_pixels": 4096})
    sources = [real / name for name in SOURCES]
    paths = damaged(sources, tmp_path, count=len(SOURCES) * len(DAMAGES), seed=1)
    ends = [end_of(path, audit_settings, small) for path in paths]
    assert all(ends)
    assert ends.count("extracted") > 8
    assert len(ends) - ends.count("extracted") > 5


def test_every_unusual_file_ends_as_extracted_or_with_a_reason(
    unusual_files: dict[str, Path], audit_settings: AuditConfig, settings: ExtractConfig
):
    ends = {name: end_of(path, audit_settings, settings) for name, path in unusual_files.items()}
    refused = {name for name, end in ends.items() if end != "extracted"}
    assert refused == {"one_picture", "two_pictures", "sound_only", "cover_art"}
