"""MATH-V (MathVision): 3,040 questions of mathematics about pictures, of five options or with an open answer [1].

The official scorer cuts an answer out of a reply in a long chain of string steps and hands both sides to `latex2sympy`
and `eval`. The chain is repeated step by step; the evaluation is done by a small grammar of arithmetic, and what that
does not know is unequal, as everything is there that raises. So official agrees with the script on numbers, fractions,
roots, powers and tuples of them, and calls other symbolic answers wrong unless they are equal as text.

References:
    [1] Wang et al., Measuring multimodal mathematical reasoning with MATH-Vision, arXiv 2402.14804;
        evaluation/evaluate.py and utils.py at 1d36118.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import LETTERS, BenchmarkConfig, Question, Reply, Verdict, lettered
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._expressions import plain, value
from codecsense.benchmarks._letters import answer_in, committed, final, unread

LONGEST = 200_000  # characters of a reply
FLAGS = ("the final answer is", "the answer is", "the correct answer is", "the answer should be")
SIZES = {"test": 3040, "testmini": 304}
DROPPED = (  # in this order, once the answer is lower-case and without spaces
    ("\\,", ""), ("∞", "\\infty"), ("+\\infty", "\\infty"), ("\\\\", "\\"), ("\n", ""), ("\\text", ""),
    ("\\mbox", ""),
    ("bmatrix", "pmatrix"), ("\\left", ""), ("\\right", ""), ("^{\\circ}", ""), ("^\\circ", ""),
    ("{m}^3", ""), ("m^3", ""),
    ("{units}", ""), ("units", ""), ("{km}", ""), ("km", ""),
)  # fmt: skip
STRIPPED = (
    ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", ""),
    ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""), ("$", ""),
)  # fmt: skip
WHOLE = re.compile(r"-?\d{1,18}/-?\d{1,18}")


class Settings(BenchmarkConfig):
    """Which split."""

    title: ClassVar[str] = "MATH-V"
    medium: ClassVar[Literal["video", "image"]] = "image"
    official_id: ClassVar[str] = "math-v/evaluate.py@1d36118, arithmetic by codecsense/expressions-1"
    strict_id: ClassVar[str] = "codecsense/letters-1 and expressions-1"
    official_counts_missing: ClassVar[bool] = False
    name: Literal["mathvision"]
    split: Literal["test", "testmini"]

    @property
    def split_name(self) -> str:
        return self.split

    @property
    def size(self) -> int:
        return SIZES[self.split]

    def read(self, annotations: Path) -> list[Question]:
        """From test.jsonl."""
        return [_question(row, place) for place, row in reading.rows(reading.document(annotations), annotations)]

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """Rows of id and response; `model_answer` of an earlier scoring is made anew, as the script does."""
        for place, row in reading.rows(reading.document(predictions), predictions):
            name = str(reading.either(row, ("id", "sample_id"), place))
            yield name, Reply(reading.said(reading.needed(row, "response", place), place))

    def prompt(self, question: Question) -> str:
        options = f"\n{lettered(question.options, '({letter}) {option}')}" if question.options else ""
        return (
            'Please solve the problem step by step and put your answer in one "\\boxed{}". If it is a multiple choice '
            f'question, only one letter is allowed in the "\\boxed{{}}".\n{question.text}{options}'
        )

    def official(self, question: Question, reply: Reply) -> Verdict:
        if len(reply.response) > LONGEST:
            return unread(reply)
        answer = cut_out(reply.response)
        choice = question.options[LETTERS.index(question.gold)] if question.options else ""
        right = is_equal(question.gold, answer) or is_equal(choice, answer)
        return Verdict(answer[:200], "ok" if answer.strip() else "unparsed", right)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        said = final(reply.response)
        letter = committed(reply.response, question.options) if question.options else ""
        if letter:
            return Verdict(letter, "ok", letter == question.gold)
        if not said or len(said) > LONGEST:
            return unread(reply)
        answer = answer_in(said)
        gold = question.options[LETTERS.index(question.gold)] if question.options else question.gold
        return Verdict(answer[:200], "ok" if answer else "unparsed", bool(answer) and _same(answer, gold))


def cut_out(response: str) -> str:
    """The answer that the official chain cuts out of a reply."""
    answer = response.strip()
    for letter in "ABCDE":
        ends = (f" {letter}.", f" ({letter}).")
        starts = (f"{letter}\n", f"({letter})\n", f"({letter}) {letter}\n")
        if answer.endswith(ends) or answer.startswith(starts):
            answer = letter
    last = answer.split("is ")[-1].rstrip(".")
    if _is_number(last):
        answer = last
    if "oxed{" not in answer:
        answer = _after_flags(answer)
    elif answer.count("oxed{") > 1:
        answer = "\\boxed{" + answer.split("oxed{")[-1]
    answer = _find(answer)
    for letter in "abcde":
        answer = answer.replace(f"({letter})", letter)
    for letter in "abcde":
        answer = answer.replace(f"{{{letter}}}", letter)
    return answer.rstrip(".").lstrip(":").strip()


def _after_flags(answer: str) -> str:
    """What stands after the last "the answer is", up to the end of its line or sentence."""
    for flag in FLAGS:
        for form in (flag, flag.replace("the", "The")):
            before, answer = answer, answer.split(form)[-1].strip()
            if form in before:
                answer = answer.split("\n")[0].split(". ")[0]
    return answer


def _find(text: str) -> str:
    """The official `find_math_answer`: what is in the box, cleaned of LaTeX."""
    said = text.lower().replace("{}", "")
    opened, closed = said.find("oxed{"), said.rfind("}")
    answer = said[opened + len("oxed{") : closed] if 0 <= opened < closed else said
    close, brace = answer.find("}"), answer.find("{")
    if close != -1 and (brace == -1 or close < brace):
        answer = answer.split("}")[0]
    answer = answer.split("=")[-1].split("\\approx")[-1].replace(" ", "")
    for old, new in DROPPED:
        answer = answer.replace(old, new)
    return _stripped(answer)


def _stripped(text: str) -> str:
    """The official `_strip_string`."""
    for old, new in STRIPPED:
        text = text.replace(old, new)
    text = text.split("\\text{ ")[0].replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.")
    if not text:
        return text
    text = "0" + text if text[0] == "." else text
    for sign in ("=", "\\approx"):
        text = text.split(sign)[-1] if len(text.split(sign)) == 2 else text
    if "sqrt" in text:
        text = _braced(_bare_roots(text.replace("\n", "")).replace(" ", ""))
    text = text.replace(" ", "")
    if text == "0.5":
        return "\\frac{1}{2}"
    return "\\frac{{{}}}{{{}}}".format(*text.split("/")) if WHOLE.fullmatch(text) and _plain_fraction(text) else text


def _plain_fraction(text: str) -> bool:
    """Whether both whole numbers are written as Python prints them."""
    above, below = text.split("/")
    return f"{int(above)}/{int(below)}" == text


def _bare_roots(text: str) -> str:
    first, *rest = text.split("\\sqrt")
    return first + "".join(
        "\\sqrt" + (part if not part or part[0] == "{" else f"{{{part[0]}}}{part[1:]}") for part in rest
    )


def _braced(text: str) -> str:
    first, *rest = text.split("\\frac")
    done = first
    for part in rest:
        if part[:1] == "{":
            done += "\\frac" + part
        elif len(part) < 2:
            return text
        else:
            below = part[1:] if part[1] == "{" else f"{{{part[1]}}}{part[2:]}"
            done += f"\\frac{{{part[0]}}}{below}"
    return done


def is_equal(first: str, second: str) -> bool:
    """The official `is_equal`, with this project's arithmetic in the place of `eval`."""
    first, second = first.lower(), second.lower()
    if not first.replace(" ", "") or not second.replace(" ", ""):
        return False
    if first.strip() == second.strip():
        return True
    first, second = _rounded_tuple(first), _rounded_tuple(second)
    if first == second:
        return True
    one, other = value(first), value(second)
    return one is not None and other is not None and round(one, 2) == round(other, 2)


def _rounded_tuple(text: str) -> str:
    """A tuple or list with its members rounded to two places, if all of them can be evaluated; else the text itself."""
    if len(text) > 1000 or (text[0], text[-1]) not in (("(", ")"), ("[", "]")) or "," not in text:
        return text
    members = []
    for member in text[1:-1].split(","):
        if "infty" in member or member in ("a", "-a"):
            members.append(member)
            continue
        number = value(member)
        if number is None:
            return text
        members.append(str(round(number, 2)))
    return f"{text[0]}{','.join(members)}{text[-1]}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _same(answer: str, gold: str) -> bool:
    """Equal as words, or as numbers to two places; a unit or an unknown before "=" is left aside."""
    cleaned = [_stripped(text.split("=")[-1].replace("\\text", "").strip()) for text in (answer, gold)]
    if plain(cleaned[0]) == plain(cleaned[1]) != "":
        return True
    one, other = (value(text.replace(",", "") if text.replace(",", "").isdigit() else text) for text in cleaned)
    return one is not None and other is not None and abs(one - other) < 0.005


def _question(row: Mapping[str, Any], place: str) -> Question:
    options = reading.texts(row, "options", place)
    answer = str(reading.needed(row, "answer", place))
    image = reading.inside(reading.words(row, "image", place), place)
    return Question(
        sample_id=reading.name(row, "id", place),
        cluster_id=image,
        text=reading.words(row, "question", place),
        gold=reading.letter_among(answer, options, place) if options else answer,
        options=options,
        media=image,
        groups={
            "subject": (reading.words(row, "subject", place),),
            "level": (str(reading.needed(row, "level", place)),),
        },
    )
