"""Where the time of an answer goes."""

from codecsense.papers import surroundings


def timed(**seconds: float) -> list[dict[str, object]]:
    return [{"stage": name.replace("_at_", "@"), "wall_s": value} for name, value in seconds.items()]


def test_each_step_is_counted_by_the_clips_it_was_for():
    found = surroundings.latencies(
        timed(extract_at_world=40.0, features=20.0, evaluate_at_full=8.0, evaluate_at_mv=4.0),
        extracted=200,
        answered=40,
    )
    assert list(found) == ["full", "mv"]
    assert list(found["full"].values()) == [200.0, 100.0, 200.0]
    drawn = surroundings.draw_latencies(found)
    assert drawn == surroundings.draw_latencies(found)
    assert drawn.startswith("<?xml")


def test_without_all_steps_there_is_no_split():
    assert surroundings.latencies(timed(features=20.0, evaluate_at_full=8.0), extracted=200, answered=40) == {}
