"""What was made, as conversations that any of the field's formats can hold."""

from collections.abc import Iterator, Mapping

import polars as pl

from codecsense.corpora import Medium, Sample, Turn
from codecsense.texts import TAGS

PROVENANCE = ("model", "prompt_hash", "seed", "reply", "parents")


def samples(reasoning: pl.DataFrame, predictions: pl.DataFrame, paths: Mapping[str, str]) -> list[Sample]:
    """The balanced reasoning and every cross-modal task; `paths` holds each video's file within the corpus."""
    return [*_reasoned(reasoning.filter("balanced"), paths), *_predicted(predictions, paths)]


def _reasoned(table: pl.DataFrame, paths: Mapping[str, str]) -> Iterator[Sample]:
    think, think_end, info, info_end, answer, answer_end = TAGS
    for row in table.iter_rows(named=True):
        options = f"\nOptions: {', '.join(row['options'])}" if row["options"] else ""
        thought = f"{think}{row['think']}{think_end}\n{info}{row['info']}{info_end}"
        said = f"{thought}\n{answer}{row['answer']}{answer_end}"
        extra = {"task": "reasoning", "category": row["category"], **{name: row[name] for name in PROVENANCE}}
        yield _sample(row["question_id"], paths[row["video_id"]], f"{row['question']}{options}", said, extra)


def _predicted(table: pl.DataFrame, paths: Mapping[str, str]) -> Iterator[Sample]:
    *_, answer, answer_end = TAGS
    for row in table.iter_rows(named=True):
        times = {name: row[name] for name in ("shift_s", "now_start_s", "now_end_s", "start_s", "end_s")}
        extra = {"task": row["kind"], **times, "parents": row["parents"]}
        said = f"{answer}{row['answer']}{answer_end}"
        yield _sample(row["task_id"], paths[row["video_id"]], row["question"], said, extra)


def _sample(name: str, path: str, question: str, said: str, extra: dict[str, object]) -> Sample:
    turns = (Turn("user", f"<video>\n{question}"), Turn("assistant", said))
    return Sample(name, turns, (Medium("video", path),), extra, {})
