"""Which stage runs next, decided on graphs of a few names."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flows.graph import Graph, Node
from flows.schedule import Outcome, Schedule, expected_seconds, urgency

DIAMOND = {"first": set(), "left": {"first"}, "right": {"first"}, "last": {"left", "right"}}


def schedule(before: dict[str, set[str]], changed: set[str], *, force: bool = False, **seconds: float) -> Schedule:
    nodes = {name: Node(name, [name], [], [], []) for name in before}
    return Schedule(Graph(nodes, before, frozenset(changed)), {**dict.fromkeys(before, 1.0), **seconds}, force=force)


def run_all(plan: Schedule, outcomes: dict[str, Outcome]) -> list[str]:
    started = []
    plan.settle()
    while name := plan.next():
        plan.start(name)
        started.append(name)
        plan.end(name, outcomes.get(name, Outcome.DONE))
        plan.settle()
    return started


def test_the_longest_way_to_the_end_is_begun_first():
    plan = schedule(DIAMOND, set(DIAMOND), right=5.0)
    assert run_all(plan, {}) == ["first", "right", "left", "last"]


def test_urgency_is_the_time_from_here_to_the_end():
    assert urgency(DIAMOND, {"first": 1, "left": 2, "right": 5, "last": 3}) == {
        "first": 9,
        "left": 5,
        "right": 8,
        "last": 3,
    }


def test_what_is_unchanged_needs_no_process():
    plan = schedule(DIAMOND, set())
    assert run_all(plan, {}) == []
    assert set(plan.ended.values()) == {Outcome.UNCHANGED}


def test_what_reads_a_stage_that_ran_is_looked_at_again_and_the_rest_is_not():
    plan = schedule(DIAMOND, {"left"})
    assert run_all(plan, {"left": Outcome.DONE}) == ["left", "last"]
    assert plan.ended["right"] == Outcome.UNCHANGED


def test_a_stage_found_unchanged_after_all_leaves_what_follows_unchanged():
    plan = schedule(DIAMOND, {"left"})
    assert run_all(plan, {"left": Outcome.UNCHANGED}) == ["left"]
    assert plan.ended["last"] == Outcome.UNCHANGED


def test_a_failure_stops_what_depends_on_it_and_nothing_else():
    plan = schedule({**DIAMOND, "apart": {"first"}}, set(DIAMOND) | {"apart"})
    started = run_all(plan, {"left": Outcome.FAILED})
    assert set(started) == {"first", "left", "right", "apart"}
    assert plan.ended["last"] == Outcome.NOT_RUN


def test_force_runs_what_is_unchanged():
    assert set(run_all(schedule(DIAMOND, set(), force=True), {})) == set(DIAMOND)


@given(
    st.lists(st.sets(st.integers(0, 11)), max_size=12),
    st.sets(st.integers(0, 11)),
    st.sets(st.integers(0, 11)),
)
def test_every_stage_ends_once_and_none_begins_before_what_it_reads(
    reads: list[set[int]], changed: set[int], failing: set[int]
):
    before = {str(place): {str(other) for other in others if other < place} for place, others in enumerate(reads)}
    plan = schedule(before, {str(name) for name in changed} & set(before))
    plan.settle()
    while name := plan.next():
        assert all(plan.ended[other] in (Outcome.DONE, Outcome.UNCHANGED) for other in before[name])
        plan.start(name)
        plan.end(name, Outcome.FAILED if int(name) in failing else Outcome.DONE)
        plan.settle()
    assert set(plan.ended) == set(before)


def test_a_stage_never_timed_is_expected_to_take_as_long_as_its_like(tmp_path: Path):
    for name, seconds in (("sft@full", 40.0), ("sft@mv", 20.0), ("world", 3.0)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"wall_s": seconds}))
    found = expected_seconds(["sft@full", "sft@mv", "sft@new", "evaluate@full", "world"], tmp_path)
    assert found == {"sft@full": 40.0, "sft@mv": 20.0, "sft@new": 30.0, "evaluate@full": 20.0, "world": 3.0}
