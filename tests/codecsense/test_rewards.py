"""What a reply earns, and what VANAO's bonus can and cannot do."""

import pytest
import torch

from codecsense.rewards import Group, accuracy, length, synergy, total
from codecsense.rewards import format as well_formed_reply

GOOD = "<think> high in part two </think> <info> red swing left </info> <answer> left </answer>"
WRONG = GOOD.replace("left </answer>", "right </answer>")


def group(*replies: str, blind_visual: float = 0.0, blind_audio: float = 0.0) -> Group:
    return Group(replies, [10] * len(replies), "left", blind_visual, blind_audio)


ACCURACY = accuracy.Settings(name="accuracy")
FORMAT = well_formed_reply.Settings(name="format")
LENGTH = length.Settings(name="length", omega=0.2, shortest=8, longest=12)
BOTH = synergy.Settings(name="synergy", mode="both", gamma=0.5)
SUM = synergy.Settings(name="synergy", mode="sum", gamma=0.25)


@pytest.mark.parametrize(
    ("reply", "right", "well_formed"),
    [
        (GOOD, 1, 1),
        (WRONG, 0, 1),
        ("left", 0, 0),
        ("<answer> left </answer>", 1, 0),
        (GOOD + " left", 1, 0),
        ("<answer> left </answer> <answer> right </answer>", 1, 0),
        (GOOD.replace("</info>", ""), 1, 0),
        ("<answer> left", 0, 0),
        ("", 0, 0),
    ],
)
def test_replies_earn_what_they_deserve(reply: str, right: int, well_formed: int):
    assert ACCURACY.of(group(reply)).tolist() == [right]
    assert FORMAT.of(group(reply)).tolist() == [well_formed]


@pytest.mark.parametrize(("tokens", "earned"), [(7, 0.0), (8, 0.2), (12, 0.2), (13, 0.0)])
def test_both_bounds_of_the_length_are_inside_them(tokens: int, earned: float):
    reply = Group([GOOD], [tokens], "left", 0.0, 0.0)
    torch.testing.assert_close(LENGTH.of(reply), torch.tensor([earned]))


def test_a_wrong_answer_gets_no_bonus():
    parts = total([ACCURACY, BOTH], group(GOOD, WRONG))
    assert parts["total"].tolist() == [1.5, 0.0]


def test_drawing_with_a_blind_baseline_is_not_beating_it():
    half_right = (GOOD, WRONG)
    assert BOTH.of(group(*half_right, blind_visual=0.5, blind_audio=0.0)).sum() == 0
    assert BOTH.of(group(*half_right, blind_visual=0.49, blind_audio=0.49)).tolist() == [0.5, 0.5]


def test_the_sum_mode_pays_for_each_baseline_beaten():
    assert SUM.of(group(GOOD, WRONG, blind_visual=0.5, blind_audio=0.0)).tolist() == [0.25, 0.25]
    assert SUM.of(group(GOOD, WRONG)).tolist() == [0.5, 0.5]


def test_the_total_is_the_papers():
    parts = total([FORMAT, LENGTH, ACCURACY, BOTH], group(GOOD, WRONG))
    torch.testing.assert_close(parts["total"], torch.tensor([1 + 0.2 + 1.5, 1 + 0.2]))
