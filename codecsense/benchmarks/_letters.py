"""Which option a reply commits to: the strict reading, and the "first capital" reading of several official scripts.

The strict reading looks for a commitment and would rather find none than guess: a reply that says two things, or
names a letter only as an article, a pronoun or something ruled out, is unparsed. All takes time linear in the reply.
"""

import re
from collections.abc import Sequence

from codecsense.benchmarks import LETTERS, Question, Reply, Verdict

ONE = r"[A-Z](?![A-Za-z0-9'’_])"  # a letter on its own
ALONE = re.compile(r"[\(\[]?\s{0,3}([A-Za-z])\s{0,3}[\)\]]?[.:,!]?")
SAID = re.compile(
    r"\b(?i:answer|option|choice)\b(?i:\s{0,3}(?:is|was|would be|should be|must be|option|choice|to|[:=\-–—]))*"
    rf"\s{{0,3}}[\(\[\"'“]?({ONE})"
)
OPENING = re.compile(rf"[\(\[]?({ONE})\s?[\)\].:]")
LONE = re.compile(rf"(?<![A-Za-z0-9'’_\\])({ONE})")
ARTICLE = re.compile(r"[AI]\s(?!(?:or|and|is|are|was|as|but|because|since|not)\b)[a-z]")  # "A man enters", "I think"
RULED_OUT = re.compile(
    r"(?i:(?:\bnot|n['’]t(?: be)?|\bneither|\bnor|\bthan|\binstead of|\brule out|\brules out|\bexclude|\bexcept)"
    r"\s(?:option |answer |choice )?[\(\[\"']?)\Z"
)
LABEL = re.compile(r"[\(\[]?[A-Z][\)\].:]\s{0,3}")
EITHER = re.compile(rf"\s?(?:or|and|/|,)\s?(?:or\s)?(?:option\s|answer\s|choice\s)?[\(\[]?({ONE})")
NEAR = 40  # characters looked at before and after a letter for what denies or doubles it
LONGEST_OPTION = 500  # characters of words compared with an option's
LONGEST = 100_000  # characters; what is longer once the thinking is gone is no answer
BOXED, BRACE = "\\boxed{", re.compile(r"[{}]")
WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}")
SHORT = 100  # characters of a reply that is nothing but its answer
MARKS = str.maketrans("", "", "*_`$")


def final(reply: str) -> str:
    """What a reply says once it has done thinking: the last answer tag or box, without emphasis; empty if cut short."""
    said = reply[reply.rfind("</think>") + len("</think>") :] if "</think>" in reply else reply
    if "<think>" in said:
        said = said[: said.find("<think>")]
    opened = said.rfind("<answer>")
    if opened >= 0:
        said = said[opened + len("<answer>") :].partition("</answer>")[0]
    boxed = said.rfind(BOXED)
    if boxed >= 0:
        said = _in_braces(said[boxed + len(BOXED) :])
    return said.translate(MARKS).strip()


def _in_braces(text: str) -> str:
    """What stands before the brace that closes one opened just before; what never closes is taken whole."""
    inner = WRAPPED.fullmatch(text[: text.find("}") + 1])
    if inner:
        return inner[1]
    depth = 1
    for match in BRACE.finditer(text):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return text[: match.start()]
    return text


def answer_in(said: str) -> str:
    """The answer of a reply: what follows the last "answer is" in its sentence, else the whole of a short one."""
    lower = said.lower()
    for flag in ("answer is", "answer:", "answer should be"):
        at = lower.rfind(flag)
        if at >= 0:
            return said[at + len(flag) :].strip().split("\n")[0].split(". ")[0].strip(" .:$")
    return said.strip(" .:$") if len(said) <= SHORT else ""


def committed(reply: str, options: Sequence[str]) -> str:
    """The letter of the option that a reply commits to; empty where there is none, or more than one."""
    said, offered = final(reply), LETTERS[: len(options)]
    if len(said) > LONGEST:
        return ""
    alone = ALONE.fullmatch(said)
    if alone:
        letter = alone[1].upper()
        return letter if letter in offered else ""
    chosen = _last_said(said, options, offered) or _by_text(said, options)
    if chosen:
        return chosen
    opening, lone = OPENING.match(said), _lone(said, offered)
    if opening and opening[1] in offered and (len(lone) <= 1 or not _another_label(said, opening)):
        return opening[1]
    return next(iter(lone)) if len(lone) == 1 else ""


def _last_said(said: str, options: Sequence[str], offered: str) -> str:
    """The letter after the last "answer is", unless it is denied or another follows at once ("A or B")."""
    found = ""
    for match in SAID.finditer(said):
        letter, at = match[1], match.start(1)
        if letter not in offered or (letter == "I" and ARTICLE.match(said, at)) or _ruled_out(said, at):
            continue
        either = EITHER.match(said[at + 1 : at + NEAR])
        found = "" if either and either[1] in offered and either[1] != letter else letter
        if ARTICLE.match(said, at):  # "the answer is A dog", where that is what an option says
            found = _by_text(said[at : at + LONGEST_OPTION], options) or found
    return found


def _lone(said: str, offered: str) -> set[str]:
    """The letters that stand alone in a reply, without articles, pronouns and those ruled out; two are enough."""
    found: set[str] = set()
    for match in LONE.finditer(said):
        letter, at = match[1], match.start(1)
        if letter in found or letter not in offered or ARTICLE.match(said, at) or _ruled_out(said, at):
            continue
        found.add(letter)
        if len(found) > 1:
            break
    return found


def _ruled_out(said: str, at: int) -> bool:
    """Whether the words just before a letter deny it."""
    return RULED_OUT.search(said[max(0, at - NEAR) : at]) is not None


def _by_text(said: str, options: Sequence[str]) -> str:
    """The letter of the only option whose words these are."""
    found = [letter for letter, option in zip(LETTERS, options, strict=False) if _same(said, option)]
    return found[0] if len(found) == 1 else ""


def _another_label(said: str, opening: re.Match[str]) -> bool:
    """Whether a second option is labelled as the first one is, so that the reply lists rather than chooses."""
    rest = said[opening.end() :]
    return any(match[1] != opening[1] for match in re.finditer(rf"(?<![A-Za-z])[\(\[]?({ONE})\s?[\)\].:]", rest))


def unlabelled(option: str) -> str:
    """An option without the letter before it."""
    return LABEL.sub("", option, count=1) if LABEL.match(option) else option


def _same(said: str, option: str) -> bool:
    if len(said) > len(option) + 20:
        return False
    return _plain(said) == _plain(unlabelled(option)) != ""


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,!:;\"'")


def strict_choice(question: Question, reply: Reply) -> Verdict:
    """The strict verdict on a multiple-choice question."""
    letter = committed(reply.response, question.options)
    if letter:
        return Verdict(letter, "ok", letter == question.gold)
    return Verdict("", "unparsed" if reply.response.strip() else "empty", correct=False)


def first_capital(reply: str, letters: str, prefixes: Sequence[str]) -> str:
    """The first of `letters` anywhere, once the prefixes are taken out; empty if there is none."""
    said = reply.strip()
    for prefix in prefixes:
        said = said.replace(prefix, "")
    places = [place for place in map(said.find, letters) if place >= 0]
    return said[min(places)] if places else ""


def unread(reply: Reply) -> Verdict:
    """The verdict on a reply in which nothing was found."""
    return Verdict("", "unparsed" if reply.response.strip() else "empty", correct=False)
