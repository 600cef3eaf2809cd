"""What happens in the micro world: balanced, apart, and different in every split."""

from collections import Counter

import pytest
from pydantic import ValidationError

from codecsense.schemas import checked, from_rows
from codecsense.schemas.facts import Facts
from codecsense.schemas.sounds import Sounds
from codecsense.world import WorldConfig
from codecsense.world.script import WAYS, Script, facts, position, sounds, write


def test_the_same_seed_writes_the_same_script(world: WorldConfig):
    assert write(world, "train", 7) == write(world, "train", 7)


def test_clips_differ_within_and_between_splits(all_scripts: list[Script]):
    assert len({script.clip_id for script in all_scripts}) == len(all_scripts)
    assert len({(script.sprites, script.pitches, script.beeps) for script in all_scripts}) == len(all_scripts)


def test_splits_that_share_a_seed_are_refused(world: WorldConfig):
    values = world.model_dump()
    values["splits"]["test"]["first_seed"] = 139
    with pytest.raises(ValidationError, match="share seeds"):
        WorldConfig.model_validate(values)


def test_the_facts_of_every_clip_meet_their_schemas(all_scripts: list[Script], tmp_path):
    seen = from_rows(Facts, [row for script in all_scripts for row in facts(script)])
    heard = from_rows(Sounds, [row for script in all_scripts for row in sounds(script)])
    assert checked(Facts, seen, tmp_path, stage="world").height == 6 * len(all_scripts)
    assert checked(Sounds, heard, tmp_path, stage="world").height == 3 * len(all_scripts)


def test_only_going_changes_the_cell_and_by_one_step_of_its_way(all_scripts: list[Script]):
    for script in all_scripts:
        for sprite in script.sprites:
            for before, after, action in zip(sprite.cells[:-1], sprite.cells[1:], sprite.actions, strict=True):
                step = tuple(b - a for a, b in zip(position(before), position(after), strict=True))
                assert step == (WAYS[action.way] if action.kind == "go" else (0, 0))


def test_sprites_stay_two_cells_apart_also_while_one_of_them_goes(all_scripts: list[Script]):
    for script in all_scripts:
        first, second = (sprite.cells for sprite in script.sprites)
        for interval in range(3):
            for a in first[interval : interval + 2]:
                for b in second[interval : interval + 2]:
                    assert max(abs(x - y) for x, y in zip(position(a), position(b), strict=True)) >= 2


def test_sprites_of_a_clip_differ_in_colour_and_in_shape(all_scripts: list[Script]):
    for script in all_scripts:
        first, second = script.sprites
        assert first.colour != second.colour
        assert first.shape != second.shape


def test_each_pitch_names_one_interval(all_scripts: list[Script]):
    assert all(sorted(script.pitches) == ["high", "low", "mid"] for script in all_scripts)


def test_a_hidden_fact_is_drawn_evenly_and_says_nothing_of_the_place(all_scripts: list[Script]):
    """Five standard deviations, so that only a real slant fails: a slanted world would reward guessing."""
    actions = [
        (cell, action)
        for script in all_scripts
        for sprite in script.sprites
        for cell, action in zip(sprite.cells[:-1], sprite.actions, strict=True)
    ]
    returning = [action.kind for _, action in actions if action.kind != "go"]
    assert_even(Counter(returning), 4)
    assert_even(Counter(action.way for _, action in actions if action.kind == "swing"), 4)
    assert_even(Counter(action.way for cell, action in actions if action.kind == "swing" and cell % 4 == 0), 4)
    assert_even(Counter(action.count for _, action in actions if action.kind == "flash"), 3)
    assert_even(Counter(action.spin for _, action in actions if action.kind == "orbit"), 2)


def assert_even(counts: Counter, answers: int) -> None:
    total = sum(counts.values())
    deviation = (total / answers * (1 - 1 / answers)) ** 0.5
    assert len(counts) == answers
    assert all(abs(count - total / answers) < 5 * deviation for count in counts.values())
