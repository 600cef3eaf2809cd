"""Turn what is true of the clips into questions, captions and rationales, for the clips that could be read."""

from pathlib import Path

import polars as pl

from codecsense.schemas import captions as captions_table
from codecsense.schemas import facts as facts_table
from codecsense.schemas import questions as questions_table
from codecsense.schemas import rationales as rationales_table
from codecsense.schemas import sounds as sounds_table
from codecsense.streams.store import StreamStore
from codecsense.world import quiz
from codecsense.world.questions import clips
from codecsense.world.quiz import DatasetConfig


def dataset(
    *,
    dataset: DatasetConfig,
    facts: Path,
    sounds: Path,
    streams: Path,
    questions: Path,
    captions: Path,
    rationales: Path,
) -> None:
    """Write the three tables; clips without streams are counted and left out."""
    known = clips(facts_table.read(facts), sounds_table.read(sounds))
    extracted = set(StreamStore(streams).index["video_id"])
    kept = [clip for clip in known if clip.clip_id in extracted]
    if not kept:
        raise ValueError(f"none of the {len(known)} clips of {facts} is in {streams}; run `dvc repro extract@world`")
    asked = quiz.put(kept, dataset)
    table = quiz.questions(asked)
    questions_table.write(table, questions)
    captions_table.write(quiz.captions(kept), captions)
    rationales_table.write(quiz.rationales(asked), rationales)
    print(f"dataset: {table.height} questions about {len(kept)} clips, {len(known) - len(kept)} clips without streams")
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, float_precision=3):
        print(quiz.priors(table.filter(pl.col("split") == "test")))
