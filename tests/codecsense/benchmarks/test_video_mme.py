"""Video-MME beyond its transcripts: what the public extractors make of a reply, both key schemas, subtitles, frames."""

import json
from pathlib import Path

import polars as pl
import pytest
from made import video_mme as made

from codecsense.benchmarks import Line, Question, Reply, Video
from codecsense.benchmarks._subtitles import covering, srt
from codecsense.benchmarks.video_mme import Settings

BENCHMARK = Settings(name="video_mme", subtitles=False)
QUESTION = Question("001-1", "001", "Which?", "C", ("A. one", "B. two", "C. three", "D. four"))
DISAGREEMENTS = {  # what the official script extracts, found by running it
    "Answer: C": "A",
    "Best answer: C": "B",
    "Best Option: (C)": "B",
    "A man enters, so the answer is C.": "A",
    "Based on the video, C": "B",
    "Both are wrong; D": "B",
    "<think>..A or B</think><answer>C</answer>": "A",
    "All of them appear. Answer: D": "A",
    "It is not A, it is C": "A",
    "c": "",
}


@pytest.mark.parametrize("reply", DISAGREEMENTS)
def test_the_official_scorer_extracts_what_the_script_extracts(reply: str):
    assert BENCHMARK.official(QUESTION, Reply(reply)).extracted == DISAGREEMENTS[reply]


def test_an_unparsed_reply_leaves_the_official_denominator_and_stays_in_the_strict_one():
    verdicts = BENCHMARK.answer(QUESTION, Reply("none of them"))
    assert not verdicts.official.counted
    assert verdicts.strict.counted
    assert verdicts.strict.status == "unparsed"


@pytest.mark.parametrize("form", made.KEYS)
def test_both_key_schemas_and_commas_before_brackets_are_read(form: str, tmp_path: Path):
    questions = BENCHMARK.read(made.make(tmp_path).annotations)
    text = json.dumps(made.submission(form)).replace("}]", "},  ]").replace("]}", "], }")
    submission = tmp_path / "template.json"
    submission.write_text(text)
    replies = BENCHMARK.read_replies(submission, questions)
    assert [replies[sample].response for sample in made.make(tmp_path).samples] == [
        transcript.response for transcript in made.TRANSCRIPTS
    ]
    assert [question.groups for question in BENCHMARK.read(submission)] == [question.groups for question in questions]


def test_a_submission_that_brings_its_own_answers_is_refused(tmp_path: Path):
    questions = BENCHMARK.read(made.make(tmp_path).annotations)
    forged = made.submission("current")
    forged[2]["questions"][1]["answer"] = "A"
    (tmp_path / "forged.json").write_text(json.dumps(forged))
    with pytest.raises(ValueError, match=r"row 2, question 1: says that 'A' answers 003-2, the annotations 'C'"):
        BENCHMARK.read_replies(tmp_path / "forged.json", questions)


def test_a_video_marked_missing_has_no_replies(tmp_path: Path):
    questions = BENCHMARK.read(made.make(tmp_path).annotations)
    gone = made.submission("current")
    gone[0]["missing"] = True
    (tmp_path / "gone.json").write_text(json.dumps(gone))
    assert len(BENCHMARK.read_replies(tmp_path / "gone.json", questions)) == len(questions) - 3


def test_the_parquet_file_reads_as_the_rows_do(tmp_path: Path):
    rows = [made.row(number) for number in range(len(made.TRANSCRIPTS))]
    pl.DataFrame(rows).write_parquet(tmp_path / "test.parquet")
    assert BENCHMARK.read(tmp_path / "test.parquet") == BENCHMARK.read(made.make(tmp_path).annotations)


def test_a_video_outside_the_media_folder_is_refused(tmp_path: Path):
    for hostile in ("../../etc/passwd", "/etc/passwd", "..", "a\\b"):
        row = made.row(0) | {"videoID": hostile}
        (tmp_path / "rows.json").write_text(json.dumps([row]))
        if hostile in ("..", "/etc/passwd"):  # "data/...mp4" and "data//etc/passwd.mp4" stay inside
            BENCHMARK.read(tmp_path / "rows.json")
            continue
        with pytest.raises(ValueError, match="inside the folder of the media"):
            BENCHMARK.read(tmp_path / "rows.json")


def test_only_lines_on_screen_at_a_sampled_frame_are_shown(tmp_path: Path):
    (tmp_path / "made.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\n<i>first</i>\nline\n\n2\n00:00:05,500 --> 00:00:06,000\nsecond\n"
    )
    lines = srt(tmp_path / "made.srt")
    assert lines == [Line(1.0, 2.0, "first line"), Line(5.5, 6.0, "second")]
    assert covering(lines, [0.0, 1.5, 4.0]) == lines[:1]
    shown = BENCHMARK.model_copy(update={"subtitles": True}).content(QUESTION, times_s=[1.5], lines=lines)
    assert shown[0] == "<frame>"
    assert shown[1].startswith("This video's subtitles are listed below:\nfirst line\nSelect the best answer")
    assert shown[1].endswith("C. three\nD. four\nThe best answer is:")
    assert "listed below" not in BENCHMARK.content(QUESTION, times_s=[1.5], lines=lines)[1]


def test_frames_are_the_middles_of_equal_parts():
    assert BENCHMARK.frames(QUESTION, Video(num_frames=100, fps=25.0), 4) == [12, 37, 62, 87]
    assert BENCHMARK.frames(QUESTION, Video(num_frames=3, fps=25.0), 8) == [0, 1, 2]
