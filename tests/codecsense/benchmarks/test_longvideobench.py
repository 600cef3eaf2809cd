"""LongVideoBench beyond its transcripts: the draw, the two forms of subtitles, what stands between the frames."""

import json
from collections import Counter
from pathlib import Path

import pytest
from made import longvideobench as made

from codecsense.benchmarks import Line, Question, Reply, Video
from codecsense.benchmarks._subtitles import interleaved, long_video_bench
from codecsense.benchmarks.longvideobench import Settings, draw

BENCHMARK = Settings(name="longvideobench", subtitles=True)
QUESTION = Question("a_0", "a", "What?", "B", ("x", "y", "z"), groups={"level": ("L1",)})


def test_a_draw_is_the_same_for_the_same_question_and_even_over_many():
    assert draw("made3_1", 5) == draw("made3_1", 5)
    counts = Counter(draw(f"question {number}", 4) for number in range(4000))
    assert set(counts) == set("ABCD")
    assert max(counts.values()) < 1100  # 1000 +- 3 deviations of 27


def test_what_was_drawn_is_counted_as_drawn():
    verdict = BENCHMARK.official(QUESTION, Reply("no idea"))
    assert verdict.status == "random_fallback"
    assert verdict.extracted in "ABC"
    assert BENCHMARK.strict(QUESTION, Reply("no idea")).status == "unparsed"


def test_both_forms_of_subtitles_give_the_same_lines(tmp_path: Path):
    clock = [{"start": "00:00:11.0", "end": "00:00:12.5", "line": "hello"}]
    stamps = [{"timestamp": [11.0, 12.5], "text": "hello"}]
    for name, rows in (("clock", clock), ("stamps", stamps)):
        (tmp_path / name).with_suffix(".json").write_text(json.dumps(rows))
    found = [long_video_bench(tmp_path / f"{name}.json", offset_s=10, duration_s=60) for name in ("clock", "stamps")]
    assert found[0] == found[1] == [Line(1.0, 2.5, "hello")]


def test_an_end_that_is_no_fraction_is_the_end_of_the_video(tmp_path: Path):
    (tmp_path / "open.json").write_text(json.dumps([{"timestamp": [11.0, None], "text": "on"}]))
    assert long_video_bench(tmp_path / "open.json", offset_s=10, duration_s=60) == [Line(1.0, 50.0, "on")]


def test_a_line_stands_after_the_frames_up_to_its_middle_and_only_if_one_falls_into_it():
    lines = [Line(0.5, 3.5, "early"), Line(4.1, 4.9, "unseen"), Line(5.8, 6.1, "short"), Line(8.0, 20.0, "late")]
    shown = interleaved(lines, [0.0, 2.0, 4.0, 6.0, 9.0], "#")
    assert shown == ["#", "#", "early", "#", "short", "#", "#", "late"]


def test_frames_start_at_the_first_and_are_a_whole_number_apart():
    assert BENCHMARK.frames(QUESTION, Video(250, 25.0), 4) == [0, 62, 124, 186]
    assert BENCHMARK.frames(QUESTION, Video(75, 25.0), 16) == [0, 25, 50]


def test_subtitles_are_shown_only_where_they_are_chosen():
    lines = [Line(0.0, 2.0, "hello")]
    shown = BENCHMARK.content(QUESTION, times_s=[0.0, 1.0], lines=lines)
    assert shown[:3] == ["<frame>", "<frame>", "hello"]
    silent = Settings(name="longvideobench", subtitles=False)
    assert silent.content(QUESTION, times_s=[0.0, 1.0], lines=lines)[:2] == ["<frame>", "<frame>"]
    assert "hello" not in silent.content(QUESTION, times_s=[0.0, 1.0], lines=lines)


def test_padded_columns_of_options_read_as_the_list_does(tmp_path: Path):
    rows = json.loads(made.make(tmp_path).annotations.read_text())
    for row in rows:
        candidates = row.pop("candidates")[:4]
        row["correct_choice"] = min(row["correct_choice"], 3)
        row |= {f"option{number}": text for number, text in enumerate([*candidates, "N/A"])}
    (tmp_path / "columns.json").write_text(json.dumps(rows))
    assert {len(question.options) for question in BENCHMARK.read(tmp_path / "columns.json")} == {4}


def test_the_test_split_has_no_answers(tmp_path: Path):
    rows = json.loads(made.make(tmp_path).annotations.read_text())
    del rows[3]["correct_choice"]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match="row 3 has no answer: those of the test split are not public"):
        BENCHMARK.read(tmp_path / "test.json")
