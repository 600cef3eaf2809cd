"""What `make readme` writes into README.md."""

from pathlib import Path

import pytest

from codecsense.report import readme

HEADER = "run,mode,type,questions,clips,accuracy,low,high,context_tokens\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "accuracy.csv").write_text(
        HEADER
        + "audio,direct,static,10,4,0.9,0.8,1.0,172.0\n"
        + "audio,direct,hidden,10,4,0.75,0.7,0.8,172.0\n"
        + "audio,two_stage,joint,10,4,0.1,0.0,0.2,172.0\n"
    )
    (tmp_path / "params.yaml").write_text(
        "seed: 3\nmodel:\n  audio: {}\nruns:\n  audio: {}\nreport: {confidence: 0.9}\n"
    )
    (tmp_path / "README.md").write_text(
        "before\n<!-- results: written by `make readme` -->\nold\n<!-- end of results -->\n"
        "<!-- claims: written by `make readme` -->\nnone yet\n<!-- end of claims -->\n"
        "<!-- declared: written by `make readme` -->\n<!-- end of declared -->\nafter\n"
    )
    return tmp_path


def write(place: Path) -> str:
    given = [
        "--report",
        str(place),
        "--claims",
        str(place / "claims.md"),
        "--params",
        str(place / "params.yaml"),
        "--commit",
        "abc1234",
    ]
    readme.main([*given, str(place / "README.md")])
    return (place / "README.md").read_text()


def test_each_run_is_linked_to_the_line_that_defines_it_and_the_numbers_to_their_commit(place: Path):
    text = write(place)
    assert "| [audio](params.yaml#L5) | 75.0 [70.0, 80.0] | 90.0 [80.0, 100.0] | – | – | 172 |" in text
    assert "90 % interval by bootstrap over 4 clips; seed 3, commit abc1234" in text
    assert "old" not in text


def test_writing_twice_is_writing_once_and_the_rest_stays(place: Path):
    once = write(place)
    assert write(place) == once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "### What favours motion by design" in once


def test_claims_are_copied_once_some_are_settled(place: Path):
    assert "none yet" in write(place)
    (place / "claims.md").write_text(
        "### Claims\n\n| claim | verdict |\n| :-- | :-- |\n| Sound helps | undecided |\n\nSeeds 0.\n"
    )
    text = write(place)
    assert "none yet" not in text
    assert "-->\n| claim | verdict |\n| :-- | :-- |\n| Sound helps | undecided |\n\nSeeds 0.\n<!--" in text


def test_a_readme_without_markers_is_refused(place: Path):
    (place / "README.md").write_text("no markers")
    with pytest.raises(ValueError, match="must hold `<!-- results"):
        write(place)


def test_the_readme_of_this_repository_has_its_markers():
    text = (Path(__file__).parents[3] / "README.md").read_text()
    for name in ("results", "claims", "declared"):
        readme.replaced(text, name, "new")
