"""The micro world's own questions as a benchmark: one-word answers about clips that this project renders itself.

`official` is what the pipeline's evaluation says (the answer that it read must be the gold word); `strict` reads the
raw reply anew and forgives case and full stops.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

from codecsense.benchmarks import BenchmarkConfig, Question, Reply, Verdict, plain_rows
from codecsense.benchmarks._expressions import plain
from codecsense.benchmarks._letters import final, unread
from codecsense.schemas import answers as answers_table
from codecsense.schemas import questions as questions_table

LONGEST = 20_000


class Settings(BenchmarkConfig):
    """Which way of answering is scored: with one word, or in two stages."""

    title: ClassVar[str] = "Micro world"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "codecsense/evaluate"
    strict_id: ClassVar[str] = "codecsense/words-1"
    name: Literal["micro_world"]
    rule: Literal["direct", "two_stage"]

    def read(self, annotations: Path) -> list[Question]:
        """From the table of questions, those of the test split."""
        if annotations.suffix != ".parquet":
            raise ValueError(f"{annotations} must be the table of questions, a parquet file")
        rows = questions_table.read(annotations).filter(split="test").iter_rows(named=True)
        return [
            Question(
                sample_id=row["question_id"],
                cluster_id=row["clip_id"],
                text=row["text"],
                gold=row["answer"],
                media=f"{row['clip_id']}.mp4",
                groups={"type": (row["type"],), "kind": (row["kind"],)},
            )
            for row in rows
        ]

    def named_rows(self, predictions: Path) -> Iterable[tuple[str, Reply]]:
        """From the table of answers of one run, or from plain rows."""
        if predictions.suffix != ".parquet":
            yield from plain_rows(predictions)
            return
        for row in answers_table.read(predictions).filter(mode=self.rule).iter_rows(named=True):
            yield row["question_id"], Reply(row["response"], {"predicted": row["predicted"]})

    def prompt(self, question: Question) -> str:
        return question.text

    def official(self, question: Question, reply: Reply) -> Verdict:
        said = str(reply.details.get("predicted", reply.response.strip()))
        return Verdict(said[:200], "ok" if said else "empty", said == question.gold)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        said = final(reply.response)
        if not said or len(said) > LONGEST:
            return unread(reply)
        return Verdict(said[:200], "ok", plain(said) == plain(question.gold))
