"""The promises of `codecsense.benchmarks`, held by every file of the folder on made files in the official layout."""

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from made import Made, Transcript, write_lines

from codecsense.benchmarks import SCORERS, BenchmarkConfig, Reply, headline
from codecsense.config import variants
from codecsense.evaluation import scoring
from codecsense.evaluation.passport import UNSAID
from codecsense.evaluation.statistics import Resampling
from codecsense.schemas import scored

RESAMPLING = Resampling(draws=100, seed=0, confidence=0.95)
LONG = 900_000  # just below what nobody reads on
HOSTILE = {
    "import": "__import__('os').system('true')",
    "tower": "9**9**9",
    "latex tower": "\\boxed{9^{9^{9^{9}}}}",
    "factorials": "99999!!!!",
    "brackets": "(" * LONG,
    "endless brackets": "[" * 10_000_000,
    "few brackets": "(" * 450,
    "few digits": "9" * 4_900,
    "braces": "oxed{" * (LONG // 5),
    "digits": "9" * LONG,
    "thoughts": "<think>" * (LONG // 7),
    "answers": "<answer>" * (LONG // 8),
    "phrases": "is = so - " * (LONG // 10),
    "minus": "-" * LONG,
    "numbers": "1,2.3e4e " * (LONG // 9),
    "nul": "\0" * 100,
    "half a pair": "\ud800",
}


class Case:
    """A benchmark with its made files, scored."""

    def __init__(self, name: str, folder: Path) -> None:
        self.module: Any = importlib.import_module(f"made.{name}")
        self.benchmark: BenchmarkConfig = scoring.choose(name, self.module.CHOICES)
        self.made: Made = self.module.make(folder)
        self.transcripts: tuple[Transcript, ...] = self.module.TRANSCRIPTS
        self.result = self.score()

    def score(self, predictions: Path | None = None, missing_allowed: int = 0) -> scoring.Result:
        return scoring.score(
            self.benchmark,
            annotations=self.made.annotations,
            predictions=predictions or self.made.predictions,
            run=UNSAID,
            resampling=RESAMPLING,
            missing_allowed=missing_allowed,
        )


@pytest.fixture(scope="module", params=variants("codecsense.benchmarks"))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(request.param, tmp_path_factory.mktemp(request.param))


def test_every_transcript_scores_as_its_table_says(case: Case):
    answers = {answer.question.sample_id: answer for answer in case.result.answers}
    for sample, transcript in zip(case.made.samples, case.transcripts, strict=True):
        official, strict = answers[sample].official, answers[sample].strict
        said = f"{transcript.response!r} (gold {transcript.gold}): {official} {strict}"
        assert (official.correct if official.counted else None) == transcript.official, said
        assert strict.correct == transcript.strict, said


def test_both_scores_are_those_counted_by_hand(case: Case):
    assert case.result.scores["official"].value == pytest.approx(case.made.official, abs=1e-12)
    assert case.result.scores["strict"].value == pytest.approx(case.made.strict, abs=1e-12)


def test_the_transcripts_tell_the_scorers_apart_and_hold_right_and_wrong(case: Case):
    assert len(case.transcripts) >= 12
    assert {True, False} == {transcript.strict for transcript in case.transcripts}
    if case.benchmark.official_id != case.benchmark.strict_id:
        assert any(transcript.official != transcript.strict for transcript in case.transcripts)


def test_rows_meet_their_schema_and_counts_add_up(case: Case, tmp_path: Path):
    scored.write(scoring.rows(case.result), tmp_path / "rows.parquet")
    assert scored.read(tmp_path / "rows.parquet").height == len(case.result.answers)
    for scorer in SCORERS:
        counts = getattr(case.result.passport, scorer)
        rest = counts.nearest + counts.random + counts.unparsed + counts.empty + counts.missing
        assert counts.answered + rest == counts.total == len(case.result.answers)
        assert counts.missing == 0


def test_a_missing_reply_gates_the_score_and_counts_as_wrong(case: Case, tmp_path: Path):
    kept = case.result.answers[1:]
    rows = [{"sample_id": answer.question.sample_id, "response": "x"} for answer in kept]
    predictions = write_lines(tmp_path / "predictions.jsonl", rows)
    with pytest.raises(ValueError, match="1 of .* questions .* have no reply"):
        case.score(predictions)
    result = case.score(predictions, missing_allowed=1)
    assert result.passport.strict.missing == result.passport.official.missing == 1
    assert result.passport.missing_allowed == 1
    assert not result.passport.complete
    assert result.answers[0].strict.counted
    assert not result.answers[0].strict.correct


def test_a_reply_to_no_question_and_a_second_reply_are_refused(case: Case, tmp_path: Path):
    sample = case.made.samples[0]
    stranger = write_lines(tmp_path / "stranger.jsonl", [{"sample_id": "nobody", "response": "A"}])
    with pytest.raises(ValueError, match="'nobody' is no question"):
        case.score(stranger)
    twice = write_lines(tmp_path / "twice.jsonl", [{"sample_id": sample, "response": "A"}] * 2)
    with pytest.raises(ValueError, match="answered twice"):
        case.score(twice)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_reply_costs_little_and_is_wrong(case: Case, hostile: str):
    question = case.result.answers[0].question
    started = time.process_time()
    answer = case.benchmark.answer(question, Reply(HOSTILE[hostile]))
    assert time.process_time() - started < 0.25
    assert not answer.strict.correct
    assert not answer.official.correct or answer.official.status in ("nearest", "random_fallback")


def test_the_prompt_holds_the_question_and_its_options_in_order(case: Case):
    for answer in case.result.answers:
        prompt, question = case.benchmark.prompt(answer.question), answer.question
        assert question.text.strip() in prompt
        places = [prompt.find(option) for option in question.options]
        assert -1 not in places
        assert places == sorted(places)
        assert case.benchmark.content(question, times_s=[0.0, 1.0]).count("<frame>") in (1, 2)


def test_the_same_files_give_the_same_passport(case: Case):
    again = case.score()
    assert again.passport == case.result.passport
    assert [answer.official for answer in again.answers] == [answer.official for answer in case.result.answers]


def test_tables_count_every_unit_of_their_score(case: Case):
    for scorer in SCORERS:
        units = case.benchmark.units(case.result.answers, scorer)
        assert headline(units) == case.result.scores[scorer].value
        kinds = {kind for unit in units for kind in unit.groups}
        assert kinds <= {cell.kind for cell in case.result.scores[scorer].table}
        assert all(cell.correct >= 0 for cell in case.result.scores[scorer].table)


def test_annotations_that_are_not_the_benchmarks_are_refused_by_name(case: Case, tmp_path: Path):
    wrong = tmp_path / "annotations.json"
    wrong.write_text(json.dumps([{"something": "else"}]))
    with pytest.raises(ValueError, match="annotations.json"):
        case.benchmark.read(wrong)


def test_a_choice_that_the_benchmark_does_not_have_is_refused(case: Case):
    with pytest.raises(ValueError, match="takes"):
        scoring.choose(case.benchmark.name, {**case.module.CHOICES, "weight": 2})
