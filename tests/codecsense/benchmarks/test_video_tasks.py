"""Video-MMMU, VNBench, Social-IQ, PerceptionTest and ActivityNet-QA beyond their transcripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from made import activitynet_qa, perception_test, social_iq, vnbench, write_json, write_lines

from codecsense.benchmarks import BenchmarkConfig, Cell, Question, Reply, Unit, Video
from codecsense.benchmarks.activitynet_qa import Settings as ActivityNet
from codecsense.benchmarks.activitynet_qa import review
from codecsense.benchmarks.perception_test import Settings as PerceptionTest
from codecsense.benchmarks.social_iq import Settings as SocialIQ
from codecsense.benchmarks.video_mmmu import Settings as VideoMMMU
from codecsense.benchmarks.video_mmmu import knowledge_gain, letter_of, said_openly
from codecsense.benchmarks.vnbench import Settings as VNBench
from codecsense.evaluation import scoring
from codecsense.evaluation.passport import UNSAID
from codecsense.evaluation.statistics import Resampling

FOUR = ("red fox", "blue whale", "green frog", "white owl")


def score(benchmark: BenchmarkConfig, annotations: Path, predictions: Path, **run: Any) -> scoring.Result:
    return scoring.score(
        benchmark,
        annotations=annotations,
        predictions=predictions,
        run=UNSAID.model_copy(update=run),
        resampling=Resampling(100, 0, 0.95),
        missing_allowed=20,
    )


def test_what_is_gained_is_a_share_of_what_was_not_known():
    """The published row of Qwen2.5-VL-7B: 39.67 with the video and a gain of 2.2, so 38.3 without it."""
    assert knowledge_gain(39.67, 38.31) == pytest.approx(2.2, abs=0.01)
    assert knowledge_gain(50, 50) == 0
    with pytest.raises(ValueError, match="leaves nothing to learn"):
        knowledge_gain(100, 100)


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("C", "C"),
        ("B. blue whale", "B"),
        ("Answer: D", "D"),
        ("(A) or (C)", "C"),
        ("I see NASA.", "A"),
        ("I see NASA. So B", "A"),
        ("it must surely be the green frog here", "C"),
        ("the green frog", ""),
        ("none", ""),
    ],
)
def test_the_mmmu_parser_finds_what_it_finds(reply: str, letter: str):
    assert letter_of(reply, FOUR) == letter


def test_open_replies_give_their_ends_and_their_numbers():
    assert 12.0 in said_openly("The total is 12 apples.")
    assert 1234.5 in said_openly("so 1,234.50")
    assert said_openly("the Nile") == ["the nile"]


def test_the_last_frame_of_an_adaptation_video_is_shown_since_it_holds_the_question():
    benchmark = VideoMMMU(name="video_mmmu", split="all")
    frames = {
        track: benchmark.frames(Question("s", "c", "?", "A", groups={"track": (track,)}), Video(100, 25.0), 4)
        for track in ("Perception", "Adaptation")
    }
    assert frames == {"Perception": [12, 37, 62, 87], "Adaptation": [12, 37, 62, 99]}


def test_a_sample_of_vnbench_with_a_missing_try_never_passes(tmp_path: Path):
    made = vnbench.make(tmp_path)
    rows = [json.loads(line) for line in made.predictions.read_text().splitlines()]
    rows[0]["pred"] = None
    result = score(VNBench(name="vnbench", rule="eval"), made.annotations, write_lines(tmp_path / "p.jsonl", rows))
    assert result.passport.official.missing == 1
    assert result.scores["official"].table == [
        Cell("family", "cnt", 1, 1),
        Cell("family", "ord", 0, 1),
        Cell("family", "ret", 0, 2),
        Cell("type", "cnt_edit1", 1, 1),
        Cell("type", "ord_edit1", 0, 1),
        Cell("type", "ret_insert1", 0, 2),
    ]


def test_the_second_script_of_vnbench_reads_one_character_and_swaps_two_labels(tmp_path: Path):
    made = vnbench.make(tmp_path)
    result = score(VNBench(name="vnbench", rule="llava_examples"), made.annotations, made.predictions)
    types = {cell.value for cell in result.scores["official"].table}
    assert "ret_insert2" in types
    assert "ret_insert1" not in types
    assert "ret_insert1" in {cell.value for cell in result.scores["strict"].table}
    assert (
        not VNBench(name="vnbench", rule="llava_examples")
        .official(Question("s", "c", "?", "C", FOUR), Reply("(C)"))
        .correct
    )


def test_the_test_split_of_social_iq_has_no_answers(tmp_path: Path):
    rows = [json.loads(line) for line in social_iq.make(tmp_path).annotations.read_text().splitlines()]
    del rows[1]["answer_idx"]
    with pytest.raises(ValueError, match="row 1 has no answer: those of the test split are not public"):
        SocialIQ(name="social_iq").read(write_lines(tmp_path / "qa_test.json", rows))


def test_social_iq_takes_numbers_of_options_and_knows_its_span(tmp_path: Path):
    benchmark = SocialIQ(name="social_iq")
    questions = benchmark.read(social_iq.make(tmp_path).annotations)
    assert questions[0].span_s == (0.0, 60.06)
    said = write_lines(tmp_path / "n.jsonl", [{"qid": question.sample_id, "answer_idx": 2} for question in questions])
    assert {reply.response for reply in benchmark.read_replies(said, questions).values()} == {"C"}


def test_frames_after_the_answer_shows_are_never_chosen(tmp_path: Path):
    benchmark, made = PerceptionTest(name="perception_test"), perception_test.make(tmp_path)
    cut, whole = (
        next(question for question in benchmark.read(made.annotations) if question.cluster_id == video)
        for video in ("video_0", "video_1")
    )
    assert max(benchmark.frames(cut, Video(300, 30.0), 16)) < 100
    assert max(benchmark.frames(whole, Video(300, 30.0), 16)) > 250
    alone = benchmark.read(made.annotations / "mc_question_valid.json")[0]
    with pytest.raises(ValueError, match=r"cut_frame_mapping_valid\.json"):
        benchmark.frames(alone, Video(300, 30.0), 16)


def test_the_challenge_format_of_perception_test_is_read(tmp_path: Path):
    benchmark, made = PerceptionTest(name="perception_test"), perception_test.make(tmp_path)
    questions = benchmark.read(made.annotations)
    document: dict[str, list[dict[str, Any]]] = {}
    for question in questions:
        video, number = question.sample_id.split("/")
        document.setdefault(video, []).append({"id": int(number), "answer_id": 1, "answer": "right"})
    said = benchmark.read_replies(write_json(tmp_path / "challenge.json", document), questions)
    assert {reply.response for reply in said.values()} == {"B"}


def test_the_free_accuracy_of_activitynet_divides_by_the_types_that_come_late(tmp_path: Path):
    """By hand: types come as 3 4 5 0 1 2 7 6 8, with 3 1 1 2 1 1 2 1 1 questions: 8 after the third type, 9 free."""
    made = activitynet_qa.make(tmp_path)
    result = score(ActivityNet(name="activitynet_qa", rule="exact"), made.annotations, made.predictions)
    free = {scorer: result.scores[scorer].table[-1] for scorer in ("official", "strict")}
    assert free["official"] == Cell("free", "all", 4, 8)
    assert free["strict"] == Cell("free", "all", 7, 9)


def test_exact_and_judged_answers_are_never_mixed(tmp_path: Path):
    made = activitynet_qa.make(tmp_path)
    judged = [
        {"question_id": name, "Correctness": "yes", "score": 4, "pred": "x", "Q": "", "A": ""} for name in made.samples
    ]
    file = write_json(tmp_path / "judged.json", judged)
    exact, by_judge = (ActivityNet(name="activitynet_qa", rule=rule) for rule in ("exact", "judged"))
    with pytest.raises(ValueError, match="never mixed"):
        score(exact, made.annotations, file)
    with pytest.raises(ValueError, match="never mixed"):
        score(by_judge, made.annotations, made.predictions, judge="someone-1")
    with pytest.raises(ValueError, match="name the `judge`"):
        score(by_judge, made.annotations, file)
    result = score(by_judge, made.annotations, file, judge="someone-1")
    assert result.scores["official"].value == 1
    assert result.scores["strict"].besides == {"mean score": 4.0}
    assert scoring.rows(result)["judge_id"].unique().to_list() == ["someone-1"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("{'pred': 'yes', 'score': 4.8}", ("yes", 4.8)),
        ("{'score': 3}", ("no", 3.0)),
        ("yes", ("", 0.0)),
        ("{'pred': 'yes', 'score': 'high'}", ("", 0.0)),
        ("__import__('os').system('true')", ("", 0.0)),
        ("(" * 10_000_000, ("", 0.0)),
        ("(" * 490, ("", 0.0)),
        ("-" * 490, ("", 0.0)),
    ],
)
def test_a_judges_text_is_read_as_two_values_or_as_nothing(text: str, verdict: tuple[str, float]):
    assert review(text) == verdict


def test_a_judges_object_by_question_is_read(tmp_path: Path):
    made = activitynet_qa.make(tmp_path)
    document = {name: [{"pred": "Yes", "score": 5}, {"q": "?", "a": "b", "pred": "c"}] for name in made.samples}
    benchmark = ActivityNet(name="activitynet_qa", rule="judged")
    result = score(benchmark, made.annotations, write_json(tmp_path / "judged.json", document), judge="someone-1")
    assert result.scores["official"].value == 0  # the harness wants a small y
    assert result.scores["strict"].value == 1


def test_units_keep_their_groups():
    unit = Unit("u", "c", "", True, {"type": ("a",)})
    assert ActivityNet(name="activitynet_qa", rule="judged").table([unit], "official")[0] == Cell("type", "a", 1, 1)
