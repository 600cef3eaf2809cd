"""Have teachers make training data from the training clips: summaries, cross-modal tasks and reasoning, all judged."""

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from codecsense import corpora
from codecsense.schemas import contamination as contamination_table
from codecsense.schemas import conversations as conversations_table
from codecsense.schemas import facts as facts_table
from codecsense.schemas import (
    from_rows,
    think_predictions,
    think_reasoning,
    think_rejects,
    think_segments,
    think_summaries,
)
from codecsense.schemas import questions as questions_table
from codecsense.schemas import sounds as sounds_table
from codecsense.schemas.contamination import Contamination
from codecsense.streams.store import StreamStore
from codecsense.think import contamination, engine, export, quality, review, sharing
from codecsense.think.asking import Desk
from codecsense.think.engine import Made, Question
from codecsense.think.reviewers import WaitingError
from codecsense.think.settings import ThinkConfig
from codecsense.think.summaries import Staff, Video
from codecsense.think.teachers import Known
from codecsense.think.transcribers import Cue, transcribe
from codecsense.think.transcripts import Kept, Named
from codecsense.turns import Share, asked_for
from codecsense.workers import ShareDoneError
from codecsense.world import WorldConfig, quiz
from codecsense.world.questions import Clip, audio_caption
from codecsense.world.questions import clips as clips_of
from codecsense.world.quiz import DatasetConfig

EMBEDDED = "micro_world"
TRANSCRIPTS = "transcripts"


def think(
    *,
    seed: int,
    think: ThinkConfig,
    world: WorldConfig,
    dataset: DatasetConfig,
    clips: Path,
    facts: Path,
    sounds: Path,
    questions: Path,
    streams: Path,
    replies: Path,
    reviews: Path,
    made: Path,
) -> None:
    """Write tables, corpora in the field's formats and figures to `made`, and batches for people to `reviews`.

    A share buys its part of the replies instead, and keeps them in `replies`.
    """
    store, asked = StreamStore(streams), questions_table.read(questions)
    every = {clip.clip_id: clip for clip in clips_of(facts_table.read(facts), sounds_table.read(sounds))}
    interval_s = world.gop_frames / world.fps
    split = asked.group_by("clip_id").agg(pl.col("split").first())
    chosen = split.filter(pl.col("split") == "train")["clip_id"].sort().to_list()[: think.videos]
    known = Known(
        clips={name: every[name] for name in chosen},
        questions={put.question_id: put.question for put in quiz.put([every[name] for name in chosen], dataset)},
        interval_s=interval_s,
    )
    with sharing.desk(replies, think.limits, asked_for()) as desk:
        videos = _videos(store, known, think, clips, replies / TRANSCRIPTS, desk.share)
        staff = _staff(think, known, store, desk, sharing.reviews(reviews / think.reviewer.name, replies, desk.share))
        result = _run(videos, _questions(asked, chosen), staff, think, known, seed=seed)
    pairs = contamination.overlap(
        _known_videos(store, chosen), {name: _known_videos(store, _in(split, name)) for name in ("validation", "test")}
    )
    _write(result, made, {video.video_id: video.path for video in videos}, think)
    contamination_table.write(
        from_rows(Contamination, [pair._asdict() for pair in pairs]), made / "contamination.parquet"
    )
    metrics = quality.counts(result) | {"contaminated": len({pair.video_id for pair in pairs})}
    hired = (think.teacher, think.stronger, think.judge, think.reasoner, think.reviewer)
    if all(each.name == EMBEDDED for each in hired):
        metrics["against_truth"] = quality.against_truth(result, known)
    (made / "metrics.json").write_text(json.dumps(metrics, indent=1))
    print(json.dumps(metrics, indent=1))


def _run(
    videos: list[Video], asked: list[Question], staff: Staff, think: ThinkConfig, known: Known, *, seed: int
) -> Made:
    """What the engine makes; ShareDoneError where this process was asked for a share alone."""
    review.forget_batches(staff.reviews)
    try:
        result = engine.run(videos, asked, staff, think.reasoner.build(known), think, seed=seed)
    except WaitingError as error:
        if staff.desk.share is None:
            raise
        raise ShareDoneError(f"share {staff.desk.share}: {error}") from None
    if staff.desk.share is not None:
        raise ShareDoneError(f"share {staff.desk.share}: {staff.desk.bought} replies done, and none is left to ask for")
    return result


def _videos(
    store: StreamStore, known: Known, think: ThinkConfig, clips: Path, kept: Path, share: Share | None
) -> list[Video]:
    """The micro world's transcript is a column: a cue per interval, which says what sounds in it."""
    rows = {row["video_id"]: row for row in store.index.iter_rows(named=True)}
    named = {clips / rows[name]["path"]: Named(name, rows[name]["content_hash"]) for name in known.clips}
    transcriber = Kept(think.transcriber, kept, named, share)
    found = [
        Video(
            video_id=name,
            path=rows[name]["path"],
            duration_s=rows[name]["duration_s"],
            has_audio=rows[name]["has_audio"],
            cues=tuple(transcribe(clips / rows[name]["path"], transcriber, column=_column(clip, known.interval_s))),
        )
        for name, clip in known.clips.items()
    ]
    transcriber.meet()
    return found


def _column(clip: Clip, interval_s: float) -> list[Cue]:
    return [
        Cue(number * interval_s, (number + 1) * interval_s, audio_caption(clip, number))
        for number in range(len(clip.pitches))
    ]


def _staff(think: ThinkConfig, known: Known, store: StreamStore, desk: Desk, reviews: Path) -> Staff:
    def pictures(video_id: str, number: int) -> tuple[bytes, ...]:
        if number == 0:
            return ()
        anchors = store.get("anchors", video_id)
        places = np.linspace(0, len(anchors) - 1, min(number, len(anchors))).round().astype(int)
        return tuple(cv2.imencode(".jpg", anchors[place][..., ::-1])[1].tobytes() for place in places)

    return Staff(
        desk=desk,
        teacher=think.teacher.build(known),
        stronger=think.stronger.build(known),
        judge=think.judge.build(known),
        reviewer=think.reviewer.build(known),
        pictures=pictures,
        reviews=reviews,
    )


def _questions(asked: pl.DataFrame, chosen: list[str]) -> list[Question]:
    """Questions that need both senses."""
    joint = asked.filter((pl.col("type") == "joint") & pl.col("clip_id").is_in(chosen)).sort("question_id")
    return [
        Question(row["question_id"], row["clip_id"], row["kind"], row["text"], tuple(row["options"]), row["answer"])
        for row in joint.iter_rows(named=True)
    ]


def _in(split: pl.DataFrame, name: str) -> list[str]:
    return split.filter(pl.col("split") == name)["clip_id"].sort().to_list()


def _known_videos(store: StreamStore, names: list[str]) -> list[contamination.Known]:
    rows = store.index.filter(pl.col("video_id").is_in(names)).select("video_id", "content_hash")
    return [contamination.Known(*row) for row in rows.sort("video_id").iter_rows()]


def _write(result: Made, made: Path, paths: Mapping[str, str], think: ThinkConfig) -> None:
    made.mkdir(parents=True, exist_ok=True)
    think_summaries.write(result.summaries, made / "summaries.parquet")
    think_segments.write(result.segments, made / "segments.parquet")
    think_predictions.write(result.predictions, made / "predictions.parquet")
    think_reasoning.write(result.reasoning, made / "reasoning.parquet")
    think_rejects.write(result.rejects, made / "rejects.parquet")
    samples = export.samples(result.reasoning, result.predictions, paths)
    conversations_table.write(corpora.to_table(samples), made / "conversations.parquet")
    for name in think.exports:
        suffix = "jsonl" if name == "ms_swift" else "json"
        corpora.find(name).write(samples, made / name / f"hippo_think.{suffix}")
