"""MathVista, MATH-V, OCRBench and RealWorldQA beyond their transcripts, and arithmetic without eval."""

import json
import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import mathvista, ocrbench, write_json

from codecsense.benchmarks import Question, Reply
from codecsense.benchmarks._expressions import only_number, plain, value
from codecsense.benchmarks.mathvision import cut_out, is_equal
from codecsense.benchmarks.mathvista import Settings as MathVista
from codecsense.benchmarks.mathvista import distance, shortcut
from codecsense.benchmarks.ocrbench import Settings as OCRBench
from codecsense.benchmarks.realworldqa import Settings as RealWorldQA

WHOLE = Question(
    "1", "i", "?", "7", details={"answer_type": "integer", "question_type": "free_form", "precision": None}
)


@pytest.mark.parametrize(
    ("rule", "extraction", "right"),
    [
        ("2023", "7", True),
        ("2023", "7.0", False),
        ("current", "7.0", True),
        ("2023", "7.9", False),
        ("current", "7.9", True),
    ],
)
def test_the_two_rules_of_mathvista_disagree_on_numbers_with_a_point(rule: str, extraction: str, right: bool):
    benchmark = MathVista.model_validate({"name": "mathvista", "rule": rule})
    assert benchmark.official(WHOLE, Reply("", {"extraction": extraction})).correct == right


def test_choices_are_never_left_open():
    question = Question("1", "i", "?", "cat", ("cat", "horse"), details={"answer_type": "text"})
    benchmark = MathVista(name="mathvista", rule="current")
    verdict = benchmark.official(question, Reply("", {"extraction": "who knows"}))
    assert verdict.status == "nearest"
    assert verdict.extracted in question.options
    assert benchmark.official(question, Reply("", {"extraction": ""})).correct  # the shortest is nearest to nothing


def test_without_an_extraction_only_the_short_cuts_are_tried():
    question = Question("1", "i", "?", "cat", ("cat", "horse"), details={"answer_type": "text"})
    assert shortcut(question, "horse") == "horse"
    assert shortcut(WHOLE, " 7 ") == "7"
    assert shortcut(question, 'The answer is "cat".') == "cat"
    assert MathVista(name="mathvista", rule="current").official(question, Reply("a cat, surely")).status == "unparsed"


@given(st.text("abcd", max_size=12), st.text("abcd", max_size=12))
def test_the_edit_distance_is_the_textbooks(first: str, second: str):
    row = list(range(len(second) + 1))
    for number, one in enumerate(first, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(second, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (one != other))
    assert distance(first, second) == row[-1]


def test_the_image_of_a_question_stays_in_its_folder(tmp_path: Path):
    made = mathvista.make(tmp_path)
    text = made.annotations.read_text().replace("images/0.jpg", "../0.jpg")
    made.annotations.write_text(text)
    with pytest.raises(ValueError, match="inside the folder of the media"):
        MathVista(name="mathvista", rule="current").read(made.annotations)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        ("-3.5", -3.5),
        ("--3", 3),
        ("2+3*4", 14),
        ("(2+3)*4", 20),
        ("2^{10}", 1024),
        ("2^-1", 0.5),
        ("2^{3^2}", 512),
        ("-2^2", -4),
        ("\\frac{1}{4}", 0.25),
        ("\\frac14", 0.25),
        ("\\dfrac{\\sqrt{16}}{2}", 2),
        ("2\\pi", 2 * math.pi),
        ("2\\sqrt{9}", 6),
        ("3\\cdot 4", 12),
        ("\\left(1+1\\right)!", 2),
        (".5", 0.5),
    ],
)
def test_arithmetic_is_read(text: str, number: float):
    assert value(text) == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1/0",
        "\\sqrt{-1}",
        "(-8)^{0.5}",
        "2 3",
        "(1",
        "1)",
        "[1)",
        "9^{9^{9^{9}}}",
        "9**9**9",
        "9^9^9",
        "1000!",
        "99!!",
        "0.5!",
        "__import__('os')",
        "().__class__",
        "lambda: 1",
        "(" * 100 + "1" + ")" * 100,
        "-" * 499 + "x",
        "9" * 499,
        "9" * 10_000_000,
    ],
)
def test_what_is_no_arithmetic_is_no_number_and_costs_nothing(text: str):
    started = time.process_time()
    assert value(text) is None
    assert time.process_time() - started < 0.05


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str):
    found = value(text)
    assert found is None or isinstance(found, int | float)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("14", 14),
        ("14 apples", 14),
        ("1,234", 1234),
        ("The answer is 3.5.", 3.5),
        ("2 + 3 = 5", 5),
        ("two", 2),
        ("3 or 4", None),
        ("none", None),
        ("a1", None),
        ("-7", -7),
    ],
)
def test_one_number_is_read_and_two_are_none(text: str, number: float | None):
    assert only_number(text) == number


def test_words_are_compared_without_case_articles_marks_and_spelt_numbers():
    assert plain(" The  two Dogs. ") == plain("2 dogs")
    assert plain("...") == ""


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("so \\boxed{ 5 }", "5"),
        ("\\boxed{1} no, \\boxed{2}", "2"),
        ("The answer is 12 cm", "12cm"),
        ("it equals x = 5", "5"),
        ("the ratio is 3/4", "theratiois3/4"),
        ("it is 0.5", "\\frac{1}{2}"),
        ("Thus the answer is (B).", "B".lower()),
        ("(C)\nbecause", "c"),
        ("\\boxed{90^\\circ}", "90"),
        ("\\boxed{\\sqrt3}", "\\sqrt{3}"),
    ],
)
def test_the_official_chain_cuts_out_what_it_cuts_out(response: str, answer: str):
    assert cut_out(response) == answer


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("C", "c", True),
        ("\\frac{1}{3}", "0.333", True),
        ("(1,2)", "(2/2,4/2)", True),
        ("[1,2]", "(1,2)", False),
        ("(1,\\infty)", "(1,\\infty)", True),
        ("", "", False),
        ("x", "y", False),
    ],
)
def test_official_equality_rounds_to_two_places(first: str, second: str, equal: bool):
    assert is_equal(first, second) == equal


def test_the_official_score_of_ocrbench_rewards_whoever_says_everything(tmp_path: Path):
    made, benchmark = ocrbench.make(tmp_path), OCRBench(name="ocrbench")
    questions = benchmark.read(made.annotations)
    everything = Reply(
        " ".join(answer for question in questions for answer in question.gold.split(" | ")) + " word" * 50
    )
    answers = [benchmark.answer(question, everything) for question in questions]
    assert sum(answer.official.correct for answer in answers) == len(questions)
    assert not any(answer.strict.correct for answer in answers)
    assert benchmark.besides(answers, "official")["mean words of a reply"] > 50


def test_predictions_in_another_order_are_refused(tmp_path: Path):
    made, benchmark = ocrbench.make(tmp_path), OCRBench(name="ocrbench")
    rows = json.loads(made.predictions.read_text())
    with pytest.raises(ValueError, match="was the file reordered"):
        benchmark.read_replies(write_json(tmp_path / "r.json", rows[::-1]), benchmark.read(made.annotations))


def test_the_table_of_vlmevalkit_reads_as_questions_with_options(tmp_path: Path):
    (tmp_path / "RealWorldQA.tsv").write_text(
        "index\tquestion\tanswer\tA\tB\timage\n0\tWhich lane?\tB\tleft\tright\tabc\n1\tHow many?\t3\t\t\tabc\n"
    )
    first, second = RealWorldQA(name="realworldqa").read(tmp_path / "RealWorldQA.tsv")
    assert first.options == ("left", "right")
    assert "B. right" in first.text
    assert second.options == ()
