"""What strangers put into a video folder: nothing outside the corpus is ever opened."""

import json
from pathlib import Path

import pytest

from codecsense.codecs.audit import audit_file
from codecsense.codecs.container import UnreadableError, opened
from codecsense.codecs.corpus import inside, list_corpus
from codecsense.codecs.settings import AuditConfig

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{target}\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "text",
    [PLAYLIST, "ffconcat version 1.0\nfile {target}\n", "<?xml version='1.0'?><MPD><BaseURL>{target}</BaseURL></MPD>"],
)
def test_a_playlist_in_disguise_opens_nothing(real: Path, tmp_path: Path, text: str):
    disguised = tmp_path / "innocent.mp4"
    disguised.write_text(text.format(target=real / "bikes_h264.mp4"))
    with pytest.raises(UnreadableError), opened(disguised):
        pass


def test_a_link_out_of_the_corpus_is_a_row_with_a_reason(real: Path, tmp_path: Path, audit_settings: AuditConfig):
    (tmp_path / "link.mp4").symlink_to(real / "bikes_h264.mp4")
    (entry,) = list_corpus(tmp_path).entries
    row = audit_file(tmp_path, entry, audit_settings)
    assert (row["readable"], row["reason"]) == (False, "leads out of the corpus")


def test_a_link_within_the_corpus_is_followed(real: Path, tmp_path: Path):
    (tmp_path / "real.flv").write_bytes((real / "flv1.flv").read_bytes())
    (tmp_path / "link.flv").symlink_to("real.flv")
    assert inside(tmp_path, "link.flv").name == "real.flv"


@pytest.mark.parametrize("path", ["../secret.mp4", "/etc/passwd", "a/../../secret.mp4", "nothing.mp4", "loop.mp4"])
def test_a_path_that_leads_out_or_nowhere_is_refused(tmp_path: Path, path: str):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (corpus / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(UnreadableError):
        inside(corpus, path)


def test_no_table_ever_holds_an_absolute_path(tmp_path: Path, audit_settings: AuditConfig):
    manifest = tmp_path / "videos.txt"
    manifest.write_text("/etc/passwd\n../../up.mp4\n")
    listed = list_corpus(manifest)
    rows = [audit_file(listed.root, entry, audit_settings) for entry in listed.entries]
    assert [row["path"] for row in rows] == ["up.mp4", "etc/passwd"]
    assert not any(row["readable"] for row in rows)


@pytest.mark.parametrize("name", ["list.json", "list.jsonl", "list.txt", "list.csv", "list.tsv"])
def test_every_kind_of_manifest_names_the_same_files(tmp_path: Path, name: str):
    videos = ["b/two.mp4", "one.mp4"]
    records = [{"id": str(number), "video": video, "conversations": []} for number, video in enumerate(videos)]
    separator = "\t" if name.endswith("tsv") else ","
    texts = (
        {
            "list.json": json.dumps([*records, records[0]]),
            "list.jsonl": "\n".join(json.dumps(record) for record in records),
            "list.txt": "\n".join(videos),
            name: f"id{separator}video\n" + "\n".join(f"{row['id']}{separator}{row['video']}" for row in records),
        }
        if name.endswith("sv")
        else {
            "list.json": json.dumps([*records, records[0]]),
            "list.jsonl": "\n".join(json.dumps(record) for record in records),
            "list.txt": "\n".join(videos),
        }
    )
    (tmp_path / name).write_text(texts[name])
    assert [entry.video_id for entry in list_corpus(tmp_path / name).entries] == ["b/two", "one"]


def test_files_that_share_a_name_keep_their_suffixes(tmp_path: Path):
    for name in ("a.mp4", "a.avi", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert [entry.video_id for entry in list_corpus(tmp_path).entries] == ["a.avi", "a.mp4", "b"]


def test_companions_of_videos_are_counted_and_left_out(tmp_path: Path):
    for name in ("a.mp4", "a.srt", "list.json", ".hidden.mp4"):
        (tmp_path / name).write_bytes(b"x")
    listed = list_corpus(tmp_path)
    assert (len(listed.entries), listed.num_companions) == (1, 2)


@pytest.mark.parametrize("content", ["empty", "companions"])
def test_an_empty_corpus_is_one_clear_error(tmp_path: Path, content: str):
    if content == "companions":
        (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match="is empty: no file below it could be a video; check `corpora`"):
        list_corpus(tmp_path)


def test_a_corpus_that_is_not_there_is_one_clear_error(tmp_path: Path):
    with pytest.raises(ValueError, match="neither a folder nor a manifest"):
        list_corpus(tmp_path / "nowhere")
