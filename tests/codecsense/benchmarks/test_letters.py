"""The strict reading of a letter, on replies that were said and replies that were thought up to fool it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecsense.benchmarks._letters import committed, final, first_capital

OPTIONS = ("A. a cat", "B. a dog", "C. both", "D. neither of them", "E. a fish")
TEN = tuple(f"option number {n}" for n in range(10))
REPLIES = {
    "E": "E",
    "(e)": "E",
    " b. ": "B",
    "[D]": "D",
    "Answer: **B**": "B",
    "The correct option is (D).": "D",
    "answer - C": "C",
    "The answer should be option C": "C",
    "Final answer: $\\boxed{D}$": "D",
    "D) neither of them": "D",
    "D: neither of them": "D",
    "A dog": "B",
    "a dog.": "B",
    "The answer is A dog": "B",
    "The answer is A because the cat is there": "A",
    "A dog is seen": "",
    "The answer is A. No, wait: the answer is B.": "B",
    "The answer is A or B": "",
    "The answer is not A": "",
    "It isn't A": "",
    "Neither A nor B, rather E": "E",
    "B rather than A": "B",
    "C, D": "",
    "F": "",
    "Option F": "",
    "I would say B": "B",
    "It's B": "B",
    "Alice and Bob": "",
    "A, B, C, D or E?": "",
    "<answer>B</answer>": "B",
    "<think>The answer is A.</think>B": "B",
    "<think>The answer is A.": "",
    "<answer>A</answer> or rather <answer>B</answer>": "B",
    "": "",
    "   \n": "",
    "答案是 C": "C",
}


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_is_read_as_it_is_meant(reply: str):
    assert committed(reply, OPTIONS) == REPLIES[reply]


def test_a_pronoun_is_no_tenth_option():
    assert committed("I think it is C", TEN) == "C"
    assert committed("I", TEN) == "I"
    assert committed("The answer is I", TEN) == "I"


def test_words_that_two_options_share_choose_neither():
    assert committed("a cat", ("a cat", "a cat", "a dog")) == ""


@given(st.text(max_size=200))
def test_whatever_is_said_gives_an_offered_letter_or_none(reply: str):
    assert committed(reply, OPTIONS) in ("", *"ABCDE")


@given(st.sampled_from("ABCDE"), st.sampled_from(["{}", "({})", "Answer: {}", "The answer is {}.", "{}.", "**{}**"]))
def test_every_letter_is_read_in_every_usual_form(letter: str, form: str):
    assert committed(form.format(letter), OPTIONS) == letter


def test_thinking_is_dropped_and_a_cut_off_thought_says_nothing():
    assert final("<think>a</think> b") == "b"
    assert final("said <think>a") == "said"


def test_the_first_capital_is_the_earliest_in_the_text():
    assert first_capital("xDA", "ABCD", ()) == "D"
    assert first_capital("The answer is B", "ABCD", ("The answer",)) == "B"
    assert first_capital("none", "ABCD", ()) == ""
