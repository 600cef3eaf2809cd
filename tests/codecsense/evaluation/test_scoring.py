"""Scores, passports and the command that prints them, on made files."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made import video_mme, video_mmmu, write_json, write_lines
from typer.testing import CliRunner

from codecsense.cli import app
from codecsense.evaluation import passport, score_sheet, scoring
from codecsense.evaluation.passport import UNSAID, Run
from codecsense.evaluation.statistics import Resampling
from codecsense.schemas import scored

RESAMPLING = Resampling(draws=200, seed=0, confidence=0.95)
SAID = Run(model="m", adapter=None, prompt_sha="p", frames=8, pixels=100, context_tokens=900.5, seed=0, judge=None)

MEASURED = """
import sys
from pathlib import Path
from codecsense.cli import app
try:
    app()
finally:  # the most memory that was ever resident, in kB
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), file=sys.stderr)
"""


def score(folder: Path, run: Run = UNSAID, predictions: Path | None = None, **choices: Any) -> scoring.Result:
    made = video_mme.make(folder)
    return scoring.score(
        scoring.choose("video_mme", {**video_mme.CHOICES, **choices}),
        annotations=made.annotations,
        predictions=predictions or made.predictions,
        run=run,
        resampling=RESAMPLING,
        missing_allowed=0,
    )


def command(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["score", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def test_the_command_prints_both_scores_the_tables_and_the_passport(tmp_path: Path):
    made = video_mme.make(tmp_path)
    files = ["video_mme", "--annotations", made.annotations, "--predictions", made.predictions, "--no-subtitles"]
    code, output = command(*files, "--output", tmp_path / "out")
    assert code == 0, output
    assert f"official {100 * made.official:6.2f}" in output
    assert f"strict   {100 * made.strict:6.2f}" in output
    assert "duration = short" in output
    assert "frames: not said" in output
    assert "not the whole benchmark" in output  # 24 of 2700
    rows = scored.read(tmp_path / "out/answers.parquet")
    assert rows.height == len(made.samples)
    scores = json.loads((tmp_path / "out/scores.json").read_text())
    assert scores["official"]["value"] == pytest.approx(made.official)
    for interval in ("wilson", "by_video", "cluster_robust"):
        assert scores["strict"][interval]["low"] < made.strict < scores["strict"][interval]["high"]
    assert f"design effect {scores['strict']['design_effect']:.2f}" in output
    kept = passport.Passport.model_validate(json.loads((tmp_path / "out/passport.json").read_text()))
    assert kept.sha == scores["passport"]


def test_a_baseline_is_never_shown_without_saying_what_differs(tmp_path: Path):
    made = video_mme.make(tmp_path)
    run = write_json(tmp_path / "run.json", {"frames": 8})
    files = ["video_mme", "--annotations", made.annotations, "--predictions", made.predictions, "--no-subtitles"]
    code, output = command(*files, "--baseline", made.predictions, "--run", run)
    assert code == 0, output
    assert "NOT LIKE WITH LIKE" in output
    assert "frames: 8 | not said" in output
    assert "difference +0.00 [0.00, 0.00]" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no benchmark 'nothing'; there are: "),
        (["video_mme"], "video_mme takes --subtitles (subtitles: Field required)"),
        (["video_mme", "--no-subtitles", "--rule", "2023"], "rule: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_choice_is_one_message(arguments: list[str], message: str, tmp_path: Path):
    made = video_mme.make(tmp_path)
    code, output = command(*arguments, "--annotations", made.annotations, "--predictions", made.predictions)
    assert code == 1
    assert message in " ".join(output.split())


def test_files_that_are_not_what_they_should_be_are_one_message(tmp_path: Path):
    made = video_mme.make(tmp_path)
    for text in ("[" * 100_000, "{", "", '"text"', "[1]", '[{"question_id": 1}]', "\x00"):
        (tmp_path / "bad.json").write_text(text)
        files = ["--annotations", made.annotations, "--predictions", tmp_path / "bad.json"]
        code, output = command("video_mme", "--no-subtitles", *files)
        assert code == 1, text[:20]
        assert "bad.json" in output.replace("\n", "")  # a long path is wrapped


def test_two_scores_of_like_runs_have_no_differing_conditions(tmp_path: Path):
    first, second = score(tmp_path, SAID), score(tmp_path, SAID.model_copy(update={"model": "other"}))
    fields = {each.field for each in passport.compare(first.passport, second.passport)}
    assert fields == {"judge"}  # which neither said
    said = SAID.model_copy(update={"judge": "none"})
    assert not passport.compare(score(tmp_path, said).passport, score(tmp_path, said).passport)


@pytest.mark.parametrize("field", ["frames", "pixels", "prompt_sha", "context_tokens"])
def test_every_condition_of_a_run_sets_two_scores_apart(field: str, tmp_path: Path):
    other = SAID.model_copy(update={field: "q" if field == "prompt_sha" else 7})
    found = passport.compare(score(tmp_path, SAID).passport, score(tmp_path, other).passport)
    assert field in {each.field for each in found}


def test_subtitles_are_a_condition(tmp_path: Path):
    found = passport.compare(score(tmp_path).passport, score(tmp_path, subtitles=True).passport)
    assert "settings" in {each.field for each in found}


def test_another_annotation_file_is_another_passport(tmp_path: Path):
    first = score(tmp_path)
    rows = [video_mme.row(n) for n in range(len(video_mme.TRANSCRIPTS))]
    rows[0]["question"] = "Which animal is not seen?"
    write_json(tmp_path / "other.json", rows)
    second = scoring.score(
        first.benchmark,
        annotations=tmp_path / "other.json",
        predictions=video_mme.make(tmp_path / "again").predictions,
        run=UNSAID,
        resampling=RESAMPLING,
        missing_allowed=0,
    )
    fields = {each.field for each in passport.compare(first.passport, second.passport)}
    assert {"annotations_sha", "official_prompts_sha"} <= fields


def test_a_run_may_not_say_what_nobody_asks_for(tmp_path: Path):
    with pytest.raises(ValueError, match="Extra inputs"):
        passport.read_run(write_json(tmp_path / "run.json", {"framez": 8}))


def test_a_better_run_wins_question_by_question(tmp_path: Path):
    first = score(tmp_path)
    perfect = [{"sample_id": answer.question.sample_id, "response": answer.question.gold} for answer in first.answers]
    best = score(tmp_path, predictions=write_lines(tmp_path / "best.jsonl", perfect))
    against = scoring.compare(best, first, "strict", RESAMPLING)
    wrong = sum(not answer.strict.correct for answer in first.answers)
    assert best.scores["strict"].value == 1
    assert (against.disagreement.only_first, against.disagreement.only_second) == (wrong, 0)
    assert against.difference is not None
    assert against.difference.value == pytest.approx(wrong / len(first.answers))
    assert against.questions_needed is not None
    assert "McNemar" in score_sheet.comparison(best, first, [against])


def test_media_that_are_not_on_disk_gate_the_score(tmp_path: Path):
    made = video_mme.make(tmp_path)
    files = ["video_mme", "--annotations", made.annotations, "--predictions", made.predictions, "--no-subtitles"]
    (tmp_path / "media/data").mkdir(parents=True)
    for number in range(1, 8):
        (tmp_path / f"media/data/made{number}.mp4").touch()
    code, output = command(*files, "--media", tmp_path / "media")
    assert code == 1
    assert "1 files of 3 questions are not there, the first 'data/made0.mp4'" in " ".join(output.split())
    code, output = command(*files, "--media", tmp_path / "media", "--allow-missing", 3)
    assert code == 0
    assert "media_missing: 1" in output


@pytest.mark.slow
def test_twenty_thousand_rows_take_seconds_and_little_memory(tmp_path: Path):
    """At most 20 s and 1 GB are promised; time is that of the processor, so that a busy machine does not matter."""
    count = 20_000
    rows = [video_mme.row(n % 24) | {"question_id": str(n), "video_id": str(n // 3)} for n in range(count)]
    annotations = write_json(tmp_path / "annotations.json", rows)
    said = [transcript.response * 5 for transcript in video_mme.TRANSCRIPTS]
    predictions = write_lines(
        tmp_path / "said.jsonl", ({"sample_id": str(n), "response": said[n % 24]} for n in range(count))
    )
    files = ["--annotations", annotations, "--predictions", predictions, "--subtitles", "--output", tmp_path]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command_line = [sys.executable, "-c", MEASURED, "score", "video_mme", *files]
    told = subprocess.run(command_line, check=True, capture_output=True, text=True).stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20
    assert int(told.split()[-1]) < 1_000_000
    assert scored.read(tmp_path / "answers.parquet").height == count


def test_the_knowledge_gain_of_video_mmmu_is_printed_for_both_scorers(tmp_path: Path):
    made = video_mmmu.make(tmp_path)
    said = json.loads(made.predictions.read_text())["Adaptation"]
    blind = {name: "(B)" if reply == "(B)" else "no idea" for name, reply in said.items()}
    alone = write_json(tmp_path / "alone.json", {"Adaptation": blind})
    files = ["--annotations", made.annotations, "--predictions", made.predictions, "--question-only", alone]
    code, output = command("video_mmmu", "--split", "all", *files)
    assert code == 0, output
    found = output.partition("knowledge gained")[2]
    assert "official +60.00" in found  # three of five officially right, from nothing
    assert "strict   +50.00" in found  # from 20 to 60 per cent
    code, output = command("video_mme", "--no-subtitles", *files)
    assert code == 1
    assert "--question-only is for video_mmmu" in output


def test_no_gain_is_told_of_different_questions(tmp_path: Path):
    made = video_mmmu.make(tmp_path)
    few = json.loads((made.annotations / "adaptation_video.json").read_text())
    few["Adaptation"].popitem()
    other = write_json(tmp_path / "few/adaptation_video.json", few).parent
    said = {"Adaptation": {row["id"]: "12" for row in few["Adaptation"].values()}}
    results = [
        scoring.score(
            scoring.choose("video_mmmu", {"split": split}),
            annotations=annotations,
            predictions=predictions,
            run=UNSAID,
            resampling=RESAMPLING,
            missing_allowed=0,
        )
        for split, annotations, predictions in (
            ("all", made.annotations, made.predictions),
            ("question_only", other, write_json(tmp_path / "said_alone.json", said)),
        )
    ]
    with pytest.raises(ValueError, match="the same questions of the track Adaptation"):
        scoring.knowledge_gain(*results, "strict")
