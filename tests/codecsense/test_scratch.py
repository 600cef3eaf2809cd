"""Progress that survives a kill: never a stranger's, and never half a file."""

import os
from pathlib import Path

import pytest
import torch

from codecsense import scratch
from codecsense.config import Config


class Section(Config):
    """A section of parameters."""

    steps: int


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"1234")
    return folder


def name(root: Path, data: Path, stage: str = "sft", steps: int = 3, seed: int = 0) -> str:
    return scratch.folder(root, stage, settings=[seed, Section(steps=steps)], inputs=[data]).name


def test_the_same_work_finds_its_folder_again(tmp_path: Path, data: Path):
    assert name(tmp_path, data) == name(tmp_path, data)
    assert (tmp_path / name(tmp_path, data)).is_dir()


def test_other_settings_seeds_and_stages_have_other_folders(tmp_path: Path, data: Path):
    names = [name(tmp_path, data), name(tmp_path, data, steps=4), name(tmp_path, data, seed=1)]
    assert len({*names, name(tmp_path, data, stage="align")}) == 4


def test_values_do_not_run_into_each_other(tmp_path: Path, data: Path):
    """`[1, 23]` and `[12, 3]` used to be the same work."""
    one, other = (scratch.folder(tmp_path, "x", settings=values, inputs=[data]) for values in ([1, 23], [12, 3]))
    assert one != other


@pytest.mark.parametrize("change", ["size", "time", "new file", "gone"])
def test_other_input_has_another_folder(tmp_path: Path, data: Path, change: str):
    before, file = name(tmp_path, data), data / "a.bin"
    if change == "size":
        file.write_bytes(b"12345")
    elif change == "time":
        os.utime(file, ns=(1, 1))
    elif change == "new file":
        (data / "b.bin").touch()
    else:
        file.unlink()
    assert name(tmp_path, data) != before


def test_other_code_has_another_folder(tmp_path: Path):
    digests = set()
    versions = [{"a.py": "x = 1"}, {"a.py": "x = 2"}, {"b.py": "x = 1"}, {"a.py": "x = 1", "c.py": ""}]
    for version, files in enumerate(versions):
        package = tmp_path / str(version)
        package.mkdir()
        for file, text in files.items():
            (package / file).write_text(text)
        digests.add(scratch.code(package))
    assert len(digests) == 4


def test_code_that_is_the_same_elsewhere_has_the_same_digest(tmp_path: Path):
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.py").write_text("x = 1")
    assert scratch.code(tmp_path / "here") == scratch.code(tmp_path / "there")


def test_input_that_is_missing_is_named_with_its_remedy(tmp_path: Path):
    with pytest.raises(ValueError, match=r"nowhere does not exist; run dvc repro"):
        name(tmp_path, tmp_path / "nowhere")


def test_state_comes_back_as_it_was(tmp_path: Path):
    state = {"weights": {"a": torch.randn(3)}, "done": 4, "curve": [{"loss": 0.5}]}
    scratch.save_state(state, tmp_path / "state.pt")
    again = scratch.load_state(tmp_path / "state.pt")
    assert again is not None
    assert torch.equal(again["weights"]["a"], state["weights"]["a"])  # type: ignore[index]
    assert (again["done"], again["curve"]) == (4, [{"loss": 0.5}])
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_a_write_that_fails_half_way_leaves_the_state_before_it(tmp_path: Path):
    file = tmp_path / "state.pt"
    scratch.save_state({"done": 1}, file)
    with pytest.raises((AttributeError, TypeError, RuntimeError)):
        scratch.save_state({"big": torch.zeros(1000), "done": (number for number in range(3))}, file)
    assert scratch.load_state(file) == {"done": 1}


def test_no_state_is_no_error_and_a_broken_one_names_itself(tmp_path: Path):
    file = tmp_path / "state.pt"
    assert scratch.load_state(file) is None
    file.write_bytes(b"not a state")
    with pytest.raises(ValueError, match=r"state.pt cannot be read.*remove it"):
        scratch.load_state(file)


def test_a_finished_folder_takes_the_place_of_the_old_one(tmp_path: Path):
    work, output = tmp_path / "work", tmp_path / "results/out"
    for text in ("old", "new"):
        work.mkdir()
        (work / text).touch()
        scratch.finish(work, output)
    assert [file.name for file in output.iterdir()] == ["new"]
    assert not work.exists()
