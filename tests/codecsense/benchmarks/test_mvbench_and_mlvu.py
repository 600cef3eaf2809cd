"""MVBench and MLVU beyond their transcripts: frames, files, means of tasks, and the scores of generation."""

import json
from pathlib import Path

import pytest
from made import Made, mlvu, mvbench, write_json

from codecsense.benchmarks import Answer, Question, Reply, Video, headline
from codecsense.benchmarks.mlvu import Settings as Mlvu
from codecsense.benchmarks.mlvu import generation_score, last_score
from codecsense.benchmarks.mvbench import Settings as MVBench
from codecsense.benchmarks.mvbench import segments
from codecsense.evaluation import scoring
from codecsense.evaluation.passport import UNSAID, Run
from codecsense.evaluation.statistics import Resampling

QUESTION = Question("t/0", "v", "What?", "B", ("one", "two", "three"))


@pytest.mark.parametrize("reply", ["", "(", ".", "(.", "b"])
def test_the_substring_test_of_mvbench_takes_almost_nothing_for_an_answer(reply: str):
    assert MVBench(name="mvbench").official(QUESTION, Reply(reply)).correct


def test_the_strict_scorer_does_not():
    for reply in ("", "(", ".", "(."):
        assert not MVBench(name="mvbench").strict(QUESTION, Reply(reply)).correct


def test_segments_lie_in_the_span_that_is_asked_about():
    """By hand from the official formula: at 25 frames a second, 2 to 4 s are frames 50 to 100, in parts of 12.5."""
    spanned = Question("t/0", "v", "What?", "B", span_s=(2.0, 4.0))
    assert segments(spanned, Video(250, 25.0), 4) == [56, 68, 81, 94]
    assert segments(QUESTION, Video(9, 25.0), 4) == [1, 3, 5, 7]
    assert MVBench(name="mvbench").frames(spanned, Video(250, 25.0), 4) == [56, 68, 81, 94]


def test_results_without_names_must_agree_with_the_order_of_the_questions(tmp_path: Path):
    made: Made = mvbench.make(tmp_path)
    benchmark = MVBench(name="mvbench")
    questions = benchmark.read(made.annotations)
    document = json.loads(made.predictions.read_text())
    document["res_list"].reverse()
    with pytest.raises(ValueError, match="was it reordered"):
        benchmark.read_replies(write_json(tmp_path / "reversed.json", document), questions)
    document["res_list"].pop()
    with pytest.raises(ValueError, match="12 results, which name no question, for 13 questions"):
        benchmark.read_replies(write_json(tmp_path / "short.json", document), questions)


def test_a_file_that_is_no_task_is_refused_by_name(tmp_path: Path):
    write_json(tmp_path / "json/action_dance.json", [])
    with pytest.raises(ValueError, match=r"action_dance\.json is no task of MVBench"):
        MVBench(name="mvbench").read(tmp_path / "json")
    write_json(tmp_path / "mlvu/10_dance.json", [])
    with pytest.raises(ValueError, match=r"10_dance\.json is no task of MLVU"):
        Mlvu(name="mlvu", split="dev").read(tmp_path / "mlvu")


def test_the_average_of_mlvu_is_that_of_tasks_and_not_that_of_questions(tmp_path: Path):
    benchmark, made = Mlvu(name="mlvu", split="dev"), mlvu.make(tmp_path)
    questions = benchmark.read(made.annotations)
    said = benchmark.read_replies(made.predictions, questions)
    answers: list[Answer] = [benchmark.answer(question, said[question.sample_id]) for question in questions]
    units = benchmark.units(answers, "official")
    shares = {"1_plotQA": 3 / 8, "4_count": 1 / 3, "5_order": 1 / 2}
    assert headline(units) == pytest.approx(sum(shares.values()) / 3)
    assert sum(unit.correct for unit in units) / len(units) == pytest.approx(5 / 13)


def test_the_test_split_of_mlvu_reads_its_submission_format(tmp_path: Path):
    rows = [{"question_id": "AR_0", "question_type": "anomaly_reco", "video": "a.mp4"}]
    rows[0] |= {"question": "What?", "candidates": ["x", "y", "z", "u", "v", "w"], "answer": "w"}  # type: ignore[dict-item]
    said = [{"question_id": "AR_0", "question_type": "anomaly_reco", "option": "F"}]
    benchmark = Mlvu(name="mlvu", split="test")
    questions = benchmark.read(write_json(tmp_path / "test.json", rows))
    reply = benchmark.read_replies(write_json(tmp_path / "test_res.json", said), questions)["AR_0"]
    assert benchmark.official(questions[0], reply).correct
    assert benchmark.size == 502


@pytest.mark.parametrize(
    ("judgement", "score"),
    [
        ("score_accuracy: 4, score_relevance: 5, since", 9.0),
        ("score_accuracy: 4.5, score_relevance: 3, because", 7.5),
        ("score_relevance: 3,", 0.0),
        ("a fine answer", 0.0),
        ("score_accuracy: four, score_relevance: 5,", 0.0),
        ("score_accuracy: 4, score_relevance: 5000,", 0.0),
        ("score_accuracy" * 100_000, 0.0),
    ],
)
def test_a_judges_two_scores_are_added_and_an_unreadable_judgement_is_nothing(judgement: str, score: float):
    assert generation_score(judgement, ("score_accuracy", "score_relevance")) == score


@pytest.mark.parametrize(
    ("judgement", "official", "strict"),
    [
        ("Rationale. {'score_accuracy': 4, 'score_relevance': 5, 'total_score': 9}", 9.0, 9.0),
        ('{"score_accuracy": 4, "score_relevance": 5}', 9.0, 9.0),
        ("score_accuracy: 4, score_relevance: 5", 0.0, 9.0),  # no comma behind the last: officially cut to nothing
        ("score_accuracy: I give 2, then again. {'score_accuracy': 4, 'score_relevance': 5, 'total': 9}", 0.0, 9.0),
        ("score_accuracy: 1, rather: score_accuracy: 3, score_relevance: 5,", 6.0, 8.0),  # the first, or the last
        ("score_accuracy: 45, score_relevance: 5,", 0.0, 0.0),
        ("score_accuracy: 4.5, score_relevance: 3.5,", 8.0, 8.0),
        ("score_accuracy: " * 100_000, 0.0, 0.0),
    ],
)
def test_the_official_parser_takes_the_first_scores_and_the_strict_one_the_last(
    judgement: str, official: float, strict: float
):
    keys = ("score_accuracy", "score_relevance")
    assert (generation_score(judgement, keys), last_score(judgement, keys)) == (official, strict)


def judged_files(folder: Path) -> tuple[Path, Path]:
    scenes = [{"video": "a.mp4", "question": "What?\n", "answer": "x", "scoring_points": ["p"]}]
    stories = [{"video": f"{name}.mp4", "question": "Tell.", "answer": "a story"} for name in "ab"]
    write_json(folder / "json/8_sub_scene.json", scenes)
    write_json(folder / "json/9_summary.json", stories)
    write_json(folder / "json/1_plotQA.json", [])
    said = {
        "a.mp4_0": [
            {"explain": "{'score_accuracy': 4, 'score_relevance': 5, 'total_score': 9}"},
            {"q": "What?", "a": "x"},
        ],
        "a.mp4_1": [{"explain": "score_completeness: 2, score_reliability: 3, so"}, {"q": "Tell.", "a": "x"}],
        "b.mp4_0": [{"explain": "I cannot say"}, {"q": "Tell.", "a": "x"}],
    }
    return folder / "json", write_json(folder / "judged.json", said)


def test_g_avg_is_the_mean_of_two_tasks_from_2_to_10_and_an_unreadable_judgement_is_0(tmp_path: Path):
    annotations, predictions = judged_files(tmp_path)
    with pytest.raises(ValueError, match="name the `judge`"):
        score_generation(annotations, predictions, UNSAID)
    result = score_generation(annotations, predictions, UNSAID.model_copy(update={"judge": "gpt-4-turbo"}))
    for scorer in ("official", "strict"):
        assert result.scores[scorer].besides["G-Avg, 2 to 10"] == (9 + (5 + 0) / 2) / 2
    assert result.passport.strict.unparsed == 1
    assert result.passport.official_questions == 418


def score_generation(annotations: Path, predictions: Path, run: Run) -> scoring.Result:
    return scoring.score(
        scoring.choose("mlvu", {"split": "generation"}),
        annotations=annotations,
        predictions=predictions,
        run=run,
        resampling=Resampling(draws=100, seed=0, confidence=0.95),
        missing_allowed=0,
    )
