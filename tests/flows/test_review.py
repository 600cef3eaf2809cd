"""A person's verdicts on batches: asked, kept at once, and read by the engine's own reviewer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from codecsense.think import review
from codecsense.think.prompts import Line
from codecsense.think.review import Item
from codecsense.think.reviewers.people import People
from flows import review as flow


def item(name: str) -> Item:
    line = Line(start_s=0.0, end_s=1.0, text=f"{name} moves")
    return Item(
        item_id=name,
        video_id=name,
        video=f"{name}.mp4",
        modality="visual",
        lines=(line,),
        transcript="",
        judge_reason="",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    review.open_batch(tmp_path, "round_0", [item("one"), item("two"), item("three")])
    return tmp_path


def answers(*said: str) -> Callable[[str], str]:
    left = iter(said)
    return lambda _prompt: next(left)


def test_what_a_person_says_in_the_terminal_reaches_the_engine(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert flow.in_terminal(folder, "ada", ask=answers("y", "the colour is wrong", "yes")) == 0
    assert "one moves" in capsys.readouterr().out
    said = People().review(folder, "round_0", [item("one"), item("two"), item("three")])
    assert {name: (each.accept, each.remark) for name, each in said.items()} == {
        "one": (True, ""),
        "two": (False, "the colour is wrong"),
        "three": (True, ""),
    }
    assert said["two"].reviewer == "ada"


def test_who_stops_goes_on_at_the_next_item(folder: Path):
    assert flow.in_terminal(folder, "ada", ask=answers("y", "q")) == 1
    assert flow.in_terminal(folder, "ada", ask=answers("y", "y")) == 0
    assert not review.waiting(folder)


def test_pages_follow_until_nothing_waits(folder: Path):
    sizes = []
    for path, items in flow.pages(folder, 2):
        sizes.append(len(items))
        flow.add(path, flow.read_form(items, "1: too dark\n" if len(sizes) == 1 else "", "ada"))
    assert sizes == [2, 1]
    said = review.verdicts(folder)
    assert [said[name].accept for name in ("one", "two", "three")] == [False, True, True]
    assert said["one"].remark == "too dark"


@pytest.mark.parametrize("line", ["4: too dark", "too dark", "1:", "0: x"])
def test_a_line_that_names_no_item_of_the_page_is_refused(folder: Path, line: str):
    with pytest.raises(ValueError, match="number from 1 to 3"):
        flow.read_form([item("one"), item("two"), item("three")], line, "ada")
