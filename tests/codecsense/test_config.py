"""What a section of params.yaml refuses, and how a name finds its file."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import SerializeAsAny, ValidationError

from codecsense import config
from codecsense.adapter import FusionConfig
from codecsense.config import Config, pick


class Section(Config):
    """Two numbers."""

    steps: int
    rate: float


class Choice(Config):
    """A variant of a real folder."""

    fusion: Annotated[SerializeAsAny[FusionConfig], pick("codecsense.adapter.fusions")]


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 3},
        {"steps": 3, "rate": 0.1, "rat": 0.1},
        {"steps": "3", "rate": 0.1},
        {"steps": 3, "rate": "1e-4"},
        {"steps": 3.0, "rate": 0.1},
    ],
    ids=["missing", "unknown", "text for a number", "rate as text", "fraction for a count"],
)
def test_a_section_refuses_what_is_missing_unknown_or_of_another_type(values: dict[str, object]):
    with pytest.raises(ValidationError):
        Section.model_validate(values)


def test_a_section_cannot_be_changed():
    section = Section(steps=3, rate=0.1)
    with pytest.raises(ValidationError, match="frozen"):
        section.steps = 4  # type: ignore[misc]


def test_a_name_is_the_file_that_defines_its_settings():
    chosen = Choice.model_validate({"fusion": {"name": "gated"}}).fusion
    assert type(chosen).__module__ == "codecsense.adapter.fusions.gated"


def test_a_chosen_variant_is_written_out_whole():
    chosen = Choice.model_validate({"fusion": {"name": "gated"}})
    assert chosen.model_dump()["fusion"]["name"] == "gated"
    assert Choice.model_validate(chosen.model_dump()) == chosen


@pytest.mark.parametrize("value", [{"name": "gatde"}, {}, "gated", {"name": 3}])
def test_an_unknown_or_missing_name_is_answered_with_the_names_there_are(value: object):
    with pytest.raises(ValidationError, match="gated"):
        Choice.model_validate({"fusion": value})


def test_a_file_that_holds_no_sections_is_named(tmp_path: Path):
    (tmp_path / "params.yaml").write_text("- a list")
    with pytest.raises(ValueError, match=r"params.yaml must hold sections, found list"):
        config.read(tmp_path / "params.yaml")
