"""RealWorldQA: 765 questions about pictures of the world; letters and instruction stand inside the question [1].

It came without a script. `official` is the exact match of lmms-eval: lower case, without spaces and full stops at the
end, so that "A. the left one" is wrong where "A" is right. Strictly a reply may say its letter, its number or its
word in any usual form.

References:
    [1] xAI, RealWorldQA (2024); the task realworldqa of lmms-eval at 001eca0.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import LETTERS, BenchmarkConfig, Question, Reply, Verdict, lettered
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._expressions import plain
from codecsense.benchmarks._letters import final, strict_choice, unread

OPTION = re.compile(r"^\s{0,4}([A-Z])\.\s{1,4}(\S[^\n]*)$", re.MULTILINE)
INSTRUCTION = "Please answer directly with only the letter of the correct option and nothing else."
LONGEST = 20_000


class Settings(BenchmarkConfig):
    """No choices."""

    title: ClassVar[str] = "RealWorldQA"
    medium: ClassVar[Literal["video", "image"]] = "image"
    official_id: ClassVar[str] = "lmms-eval/realworldqa@001eca0"
    strict_id: ClassVar[str] = "codecsense/letters-1 and words-1"
    name: Literal["realworldqa"]

    @property
    def size(self) -> int:
        return 765

    def read(self, annotations: Path) -> list[Question]:
        """From rows of question and answer (parquet, JSON lines), or from the table of VLMEvalKit (TSV)."""
        rows = reading.rows(reading.document(annotations), annotations)
        return [_question(number, row, place) for number, (place, row) in enumerate(rows)]

    def prompt(self, question: Question) -> str:
        return question.text

    def official(self, question: Question, reply: Reply) -> Verdict:
        said = reply.response.lower().strip().rstrip(".")
        return Verdict(said[:200], "ok" if said else "empty", said == question.gold.lower().strip())

    def strict(self, question: Question, reply: Reply) -> Verdict:
        if question.options:
            return strict_choice(question, reply)
        said = final(reply.response)
        if not said or len(said) > LONGEST:
            return unread(reply)
        words = plain(said)
        return Verdict(words[:200], "ok", words == plain(question.gold))


def _question(number: int, row: Mapping[str, Any], place: str) -> Question:
    text, gold = reading.words(row, "question", place), str(reading.needed(row, "answer", place)).strip()
    columns = [str(row[letter]) for letter in LETTERS[:6] if row.get(letter)]
    if columns:
        text = f"{text}\n{lettered(columns)}\n{INSTRUCTION}"
    found = OPTION.findall(text)
    labelled = [letter for letter, _ in found] == list(LETTERS[: len(found)]) and len(found) > 1
    options = tuple(option for _, option in found) if labelled and gold in LETTERS[: len(found)] else ()
    image = str(row.get("image_path") or row.get("index") or number)
    return Question(sample_id=str(row.get("index") or number), cluster_id=image, text=text, gold=gold, options=options)
