"""The tower over a corpus: as many processes as there are say what one says, in the order asked for."""

from pathlib import Path

import pytest
import tiny_twins
import torch

from codecsense import encoding
from codecsense.encoding import encode_corpus


def test_two_processes_say_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    host, ids = tiny_twins.host(), tiny_twins.ids(7)[::-1]
    host.save(tmp_path / "host")
    tiny_twins.store(tmp_path / "streams", 7)
    monkeypatch.setattr(encoding, "CLIPS", 2)
    monkeypatch.setattr(encoding, "BATCHES_PER_TASK", 2)
    said = []
    for processes in (1, 2):
        monkeypatch.setattr(encoding, "MOST_PROCESSES", processes)
        said.append(encode_corpus(tiny_twins.settings().host, tmp_path / "host", tmp_path / "streams", ids))
    assert torch.equal(said[0].seen, said[1].seen)
    assert said[0].seen.shape[:2] == (7, tiny_twins.MOMENTS)
    assert said[1].host_width == host.width
    alone = encode_corpus(tiny_twins.settings().host, tmp_path / "host", tmp_path / "streams", ids[:1])
    assert torch.equal(alone.seen[0], said[0].seen[0])
