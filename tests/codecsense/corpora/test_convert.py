"""`codecsense convert`: from one format of the field to another, and back."""

import json
from pathlib import Path

from typer.testing import CliRunner

from codecsense.cli import app

RECORD = {
    "id": "1",
    "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "This."}],
    "video": "a/b.mp4",
    "data_source": "x",
}


def convert(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["convert", *map(str, words)])
    return done.exit_code, " ".join(done.output.split())


def test_a_corpus_goes_through_the_table_into_another_format(tmp_path: Path):
    (tmp_path / "in.json").write_text(json.dumps([RECORD]))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.mp4").write_bytes(b"")
    table, swift = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    first = convert(tmp_path / "in.json", table, "--from", "llava_video", "--to", "table", "--root", tmp_path)
    assert first[0] == 0, first[1]
    assert convert(table, swift, "--from", "table", "--to", "ms_swift")[0] == 0
    assert json.loads(swift.read_text()) == {
        "id": "1",
        "messages": [{"role": "user", "content": "<video>\nWhat?"}, {"role": "assistant", "content": "This."}],
        "videos": ["a/b.mp4"],
        "data_source": "x",
    }
    assert convert(table, tmp_path / "back.json", "--from", "table", "--to", "llava_video")[0] == 0
    assert json.loads((tmp_path / "back.json").read_text()) == [RECORD]


def test_a_medium_that_is_not_there_stops_it(tmp_path: Path):
    (tmp_path / "in.json").write_text(json.dumps([RECORD]))
    (tmp_path / "a").symlink_to("/")
    target = tmp_path / "out.json"
    code, said = convert(tmp_path / "in.json", target, "--from", "llava_video", "--to", "table", "--root", tmp_path)
    assert code == 1
    assert "1 of 1 media are not below" in said
    assert not target.exists()
