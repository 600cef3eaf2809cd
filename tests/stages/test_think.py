"""Hippo-Think as a stage: on facts of the micro world, with its own teachers and with a real endpoint on loopback."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import loopback_teacher
import numpy as np
import polars as pl
import pytest
from loopback_teacher import Manners, proxies, serving

from codecsense import corpora
from codecsense.schemas import (
    contamination,
    facts,
    questions,
    sounds,
    streams,
    think_predictions,
    think_reasoning,
    think_rejects,
    think_segments,
    think_summaries,
)
from codecsense.streams.store import INDEX, StreamStore
from codecsense.think import review
from codecsense.think.review import Verdict
from codecsense.think.store import ReplyStore
from codecsense.think.teachers.micro_world import MicroWorldTeacher
from codecsense.turns import CallAgainError
from codecsense.workers import ShareDoneError
from codecsense.world import quiz, script
from codecsense.world.questions import clips
from codecsense.world.quiz import DatasetConfig
from stages import params
from stages.think import think

SHIPPED = Path(__file__).parents[2] / "params.yaml"
ONE_CATEGORY = {  # a few videos have not enough questions for a balance
    "samples": 3,
    "agree_on": ["answer"],
    "most_per_video": 2,
    "categories": {"kind": "general"},
    "shares": {"general": 1.0},
}
Run = Callable[..., Path]


@pytest.fixture(scope="module")
def settings() -> params.Params:
    """The shipped values with fewer clips."""
    shipped = params.load(SHIPPED)
    sizes = {"train": 26, "validation": 4, "test": 4}
    splits = {name: split.model_copy(update={"clips": sizes[name]}) for name, split in shipped.world.splits.items()}
    changes = {"world": shipped.world.model_copy(update={"splits": splits})}
    return shipped.model_copy(update=changes | {"think": changed(shipped.think, videos=24, batch=8)})


def changed(section: Any, **changes: Any) -> Any:
    """The section with other values, read as from params.yaml."""
    return type(section).model_validate({**section.model_dump(), **changes})


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, settings: params.Params) -> Path:
    """Facts, sounds, questions and the index of the streams: all that is read where no teacher looks at pictures."""
    folder = tmp_path_factory.mktemp("tables")
    written = script.scripts(settings.world)
    facts.write(pl.DataFrame([row for each in written for row in script.facts(each)]), folder / "facts.parquet")
    sounds.write(pl.DataFrame([row for each in written for row in script.sounds(each)]), folder / "sounds.parquet")
    known = clips(facts.read(folder / "facts.parquet"), sounds.read(folder / "sounds.parquet"))
    questions.write(quiz.questions(quiz.put(known, settings.dataset)), folder / "questions.parquet")
    streams.write(pl.DataFrame([row_of(clip.clip_id) for clip in known]), folder / "streams" / INDEX)
    return folder


def row_of(clip: str) -> dict[str, Any]:
    counts = {"num_anchors": 4, "num_intervals": 3, "num_maps": 9, "num_frames": 49, "num_decoded": 49}
    sizes = dict.fromkeys(("picture_height", "picture_width", "coded_height", "coded_width"), 96)
    named = {"video_id": clip, "path": f"{clip}.mp4", "shard": "a.safetensors", "content_hash": f"{clip:_>32}"}
    rest = {"duration_s": 49 / 12, "codec": "h264", "motion_source": "native", "has_audio": clip != "train_00003"}
    return named | counts | sizes | rest


def work(tables: Path, folder: Path, section: Any, world: Any, dataset: DatasetConfig) -> Path:
    """Run the stage with everything that it makes in `folder`; what it made."""
    think(
        seed=0,
        think=section,
        world=world,
        dataset=dataset,
        clips=folder / "clips",
        facts=tables / "facts.parquet",
        sounds=tables / "sounds.parquet",
        questions=tables / "questions.parquet",
        streams=tables / "streams",
        replies=folder / "replies",
        reviews=folder / "review",
        made=folder / "made",
    )
    return folder / "made"


@pytest.fixture
def run(tables: Path, settings: params.Params, tmp_path: Path) -> Run:
    def run(*, dataset: DatasetConfig = settings.dataset, **changes: Any) -> Path:
        section = changed(settings.think, **changes)
        shutil.rmtree(tmp_path / "made", ignore_errors=True)  # as DVC does
        return work(tables, tmp_path, section, settings.world, dataset)

    return run


@pytest.fixture(scope="module")
def first(tables: Path, settings: params.Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run made; its replies and reviews lie beside."""
    folder = tmp_path_factory.mktemp("first")
    return work(tables, folder, settings.think, settings.world, settings.dataset)


def metrics(made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made / "metrics.json").read_text())
    return found


def test_every_video_ends_with_summaries_or_with_a_reason(first: Path):
    summaries = think_summaries.read(first / "summaries.parquet")
    rejects = think_rejects.read(first / "rejects.parquet")
    accepted = summaries.filter("accepted")
    done = {f"{row[0]}/{row[1]}" for row in accepted.select("video_id", "modality").iter_rows()}
    lost = set(rejects.filter(pl.col("step").is_in(["summarise", "judge", "review"]))["item"])
    assert len(done) + len(lost) == 24 * 2
    assert not done & lost
    assert "train_00003/audio" in lost  # it has no sound
    assert rejects.filter(pl.col("item") == "train_00003/audio")["kind"][0] == "silent"


def test_what_is_accepted_was_accepted_by_judge_and_reviewer(first: Path):
    summaries = think_summaries.read(first / "summaries.parquet")
    both = (pl.col("judged") == "accepted") & (pl.col("reviewed") == "accepted")
    assert summaries.filter("accepted").equals(summaries.filter(both))
    assert summaries.filter(pl.col("judged") == "rejected")["reviewed"].unique().to_list() == ["unseen"]


def test_the_rejected_are_written_again_by_the_stronger_teacher_who_was_told_the_remarks(first: Path):
    summaries = think_summaries.read(first / "summaries.parquet")
    again = summaries.filter(pl.col("round") == 1)
    assert set(again["model"]) == {"large"}
    assert again.height > 3
    earlier = summaries.filter(pl.col("summary_id").is_in(again["parents"].list.first().to_list()))
    assert not earlier["accepted"].any()
    remarks = set(summaries.filter(pl.col("remark") != "")["remark"])
    with ReplyStore(first.parent / "replies") as store:
        asked = [json.loads(row[0]) for row in store.database.execute("select asked from replies")]
    told = "\n".join(each["system"] for each in asked if each["teacher"]["model"] == "large")
    assert remarks
    assert all(f"- {remark}" in told for remark in remarks)


def test_every_record_leads_back_to_a_reply(first: Path):
    with ReplyStore(first.parent / "replies") as store:
        for table in (
            think_summaries.read(first / "summaries.parquet"),
            think_reasoning.read(first / "reasoning.parquet"),
        ):
            assert all(store.get(key) is not None for key in table["reply"])
    names = set(think_summaries.read(first / "summaries.parquet")["summary_id"])
    reasoning = think_reasoning.read(first / "reasoning.parquet")
    assert all(set(parents[:2]) <= names and len(parents) == 5 for parents in reasoning["parents"].to_list())


def test_a_task_asks_one_modality_for_another_time_within_the_video(first: Path):
    tasks = think_predictions.read(first / "predictions.parquet")
    segments = think_segments.read(first / "segments.parquet")
    text = dict(segments.select("segment_id", "text").iter_rows())
    assert set(tasks["kind"]) == {"vas", "avs"}
    for row in tasks.iter_rows(named=True):
        assert row["start_s"] - row["now_start_s"] == pytest.approx(row["shift_s"])
        assert abs(row["shift_s"]) == pytest.approx(1.333)
        assert row["answer"] == text[row["parents"][1]]
    both = segments.group_by("video_id").agg(pl.col("modality").n_unique()).filter(pl.col("modality") == 2)
    assert tasks.height == both.height * 2 * 4  # three stretches, two ways, two modalities


def test_reasoning_is_right_agreed_on_and_balanced(first: Path, tables: Path):
    reasoning = think_reasoning.read(first / "reasoning.parquet")
    true = dict(questions.read(tables / "questions.parquet").select("question_id", "answer").iter_rows())
    assert all(true[row["question_id"]] == row["answer"] for row in reasoning.iter_rows(named=True))
    counts = reasoning.filter("balanced").group_by("category").len()
    assert counts.height == 3
    assert counts["len"].n_unique() == 1
    rejects = think_rejects.read(first / "rejects.parquet").filter(pl.col("step") == "consensus")
    found = metrics(first)["reasoning"]
    assert reasoning.height + rejects.height == found["asked"]
    assert set(rejects["kind"]) == {"disagree"}


def test_judge_review_and_consensus_are_measured_against_the_truth(first: Path):
    found = metrics(first)["against_truth"]
    assert found["wrong_share_of_accepted"] < found["wrong_share_by_round"]["0"]
    for search in ("judge", "review", "consensus"):
        assert 0.3 < found[search]["precision"] <= 1
        assert 0.3 < found[search]["recall"] <= 1
    assert found["consensus"]["precision"] > found["one_sample"]["precision"]


def test_what_was_made_can_be_had_in_every_format_of_the_field(first: Path):
    expected = metrics(first)
    height = sum(expected["predictions"].values()) + sum(expected["reasoning"]["balanced"].values())
    contents = []
    for name in ("llava_video", "llama_factory", "ms_swift", "video_r1"):
        (path,) = (file for file in (first / name).iterdir() if file.name.startswith("hippo_think"))
        contents.append([sample._replace(layout={}) for sample in corpora.find(name).read(path)])
    assert len(contents[0]) == height
    assert all(content == contents[0] for content in contents)


def test_training_and_test_clips_share_nothing(first: Path):
    assert contamination.read(first / "contamination.parquet").is_empty()
    assert metrics(first)["contaminated"] == 0


def test_a_rerun_gives_the_same_bytes_and_asks_nobody(first: Path, run: Run, tmp_path: Path):
    shutil.copytree(first.parent / "replies", tmp_path / "replies")
    with ReplyStore(tmp_path / "replies") as store:
        num_replies = len(store)
    made = run()
    with ReplyStore(tmp_path / "replies") as store:
        assert len(store) == num_replies
        assert store.database.execute("select count(*) from attempts").fetchone()[0] == num_replies
    for file in first.rglob("*"):
        if file.is_file():
            assert (made / file.relative_to(first)).read_bytes() == file.read_bytes(), file.name


def in_rounds(run: Run, number: int, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> int:
    """Call shares again, each round in another order, until none asks for it; how many rounds that took."""
    for rounds in range(1, 20):
        called = []
        for share in sorted(range(number), reverse=rounds % 2 == 0):
            monkeypatch.setenv("CODECSENSE_SHARE", f"{share}/{number}")
            with pytest.raises(ShareDoneError, match=f"share {share}of{number}: ") as done:
                run(**changes)
            called.append(isinstance(done.value, CallAgainError))
        if not any(called):
            monkeypatch.delenv("CODECSENSE_SHARE")
            return rounds
    raise AssertionError("they never end")


def test_shares_that_take_turns_buy_what_one_process_buys_and_it_makes_the_same_bytes_of_that(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    small = {"videos": 8, "batch": 4, "reasoning": ONE_CATEGORY}
    inline = {file.relative_to(tmp_path): file.read_bytes() for file in run(**small).rglob("*") if file.is_file()}
    (tmp_path / "replies").rename(tmp_path / "inline")
    assert 2 < in_rounds(run, 2, monkeypatch, **small) < 7  # two batches, one of them twice, and the reasoning
    monkeypatch.setattr(MicroWorldTeacher, "reply", None)  # nobody is left to ask
    made = run(**small)
    assert {file.relative_to(tmp_path): file.read_bytes() for file in made.rglob("*") if file.is_file()} == inline
    with ReplyStore(tmp_path / "replies") as store, ReplyStore(tmp_path / "inline") as paid:
        assert len(store) == len(paid)
        assert store.spent == paid.spent
        assert store.database.execute("select count(*) from attempts").fetchone()[0] == len(paid)


def test_shares_stop_where_people_are_waited_for_and_their_budget_is_one(
    run: Run, settings: params.Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    small = {"videos": 6, "batch": 6, "reviewer": {"name": "people"}, "reasoning": ONE_CATEGORY}
    assert in_rounds(run, 2, monkeypatch, **small) == 2
    assert not (tmp_path / "review").exists()
    assert "have no verdict yet" in what_stops(run, **small)
    with ReplyStore(tmp_path / "replies") as store:
        spent = store.spent.tokens
    limits = {**settings.think.limits.model_dump(), "tokens": spent + 500}
    small["reviewer"] = settings.think.reviewer.model_dump()
    in_rounds(run, 2, monkeypatch, **small, limits=limits)
    assert "the budget is spent" in what_stops(run, **small, limits=limits)
    with ReplyStore(tmp_path / "replies") as store:
        assert spent < store.spent.tokens <= spent + 500


def test_people_are_waited_for_and_their_verdicts_are_kept(run: Run, tmp_path: Path):
    """A person looks at each batch; what is waited for is named, and what was said of an item holds."""
    folder, looks = tmp_path / "review" / "people", 0
    small = {"videos": 6, "batch": 3, "reviewer": {"name": "people"}, "reasoning": ONE_CATEGORY}
    while told := what_stops(run, **small):
        (path, items), *others = review.waiting(folder).items()
        assert not others
        assert f"{path}: {len(items)} of" in told
        verdicts = [
            Verdict(item_id=item.item_id, accept=number > 0, remark="name the colours first", reviewer="ada")
            for number, item in enumerate(items)
        ]
        review.close_batch(folder, path.name.removesuffix(review.ITEMS), verdicts)
        looks += 1
        assert looks < 9
    made = tmp_path / "made"
    assert looks >= 3  # two batches, at least one of them a second time
    summaries = think_summaries.read(made / "summaries.parquet")
    assert (summaries["remark"] == "name the colours first").sum() >= looks
    assert "against_truth" not in metrics(made)


def what_stops(run: Run, **changes: Any) -> str:
    """The message with which the stage stops; nothing where it ends."""
    try:
        run(**changes)
    except ValueError as error:
        return str(error)
    return ""


def test_questions_of_another_world_stop_the_stage_with_one_message(run: Run, settings: params.Params):
    reseeded = changed(settings.dataset, train_most_per_kind=1)
    with pytest.raises(ValueError, match="the world has no question"):
        run(videos=6, reasoning=ONE_CATEGORY, dataset=reseeded)


def test_an_exhausted_budget_stops_the_stage_and_more_of_it_goes_on(run: Run, settings: params.Params, tmp_path: Path):
    """The judge takes far more tokens than all others together, so that the budget ends amid its items."""
    limits = settings.think.limits.model_dump()
    manners = Manners(reply=lambda text: json.dumps({"accept": True, "reason": ""}), tokens_out=1000)
    with serving(manners) as server:
        judge = loopback(server.url, max_tokens=1000)
        with pytest.raises(ValueError, match=r"the budget is spent: .* of 10000 tokens.*raise `think.limits`"):
            run(videos=6, judge=judge, limits={**limits, "tokens": 10_000}, reasoning=ONE_CATEGORY)
        with ReplyStore(tmp_path / "replies") as store:
            assert store.spent.tokens <= 10_000
        asked, paid = server.books.seen.total(), set(server.books.charged)
        assert asked > 0
        run(videos=6, judge=judge, limits=limits, reasoning=ONE_CATEGORY)
        assert not paid & {headers["Idempotency-Key"] for headers in server.books.headers[asked:]}
        assert asked < server.books.seen.total() == len(server.books.charged)


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in proxies(os.environ):
        monkeypatch.delenv(name)


def loopback(url: str, **changes: Any) -> dict[str, Any]:
    return loopback_teacher.settings(url, money_per_million_in=1.0, money_per_million_out=4.0) | changes


def test_an_endpoint_that_answers_nobody_stops_the_stage(run: Run, settings: params.Params):
    limits = {**settings.think.limits.model_dump(), "first_wait_s": 0.0, "attempts": 1}
    with (
        serving(Manners(reply=lambda text: "no")) as server,
        pytest.raises(ValueError, match=r"of \d+ items have no answer \(invalid \d+\).*`most_unanswered_share` 0.1"),
    ):
        run(videos=6, teacher=loopback(server.url), stronger=loopback(server.url), limits=limits)


def test_a_real_teacher_is_shown_pictures_and_not_told_what_is_heard(
    run: Run, tables: Path, monkeypatch: pytest.MonkeyPatch
):
    def anchors(self: StreamStore, name: str, video_id: str) -> np.ndarray:
        return np.full((4, 16, 16, 3), 40 * int(video_id[-1]), np.uint8)

    monkeypatch.setattr(StreamStore, "get", anchors)
    said = json.dumps({"lines": [{"start_s": 0.0, "end_s": 4.0, "text": "something"}]})
    with serving(Manners(reply=lambda text: said)) as server:
        made = run(videos=3, teacher=loopback(server.url, pictures=2), rounds=1, most_unanswered_share=1.0, **lenient())
        bodies = server.books.bodies
    seen = [body for body in bodies if isinstance(body["messages"][1]["content"], list)]
    heard = [body for body in bodies if isinstance(body["messages"][1]["content"], str)]
    assert len(seen) == 3
    assert all(len(body["messages"][1]["content"]) == 3 for body in seen)
    assert all("transcript" not in body["messages"][1]["content"][0]["text"] for body in seen)
    assert all("<transcript>\n[0.00-1.33] " in body["messages"][1]["content"] for body in heard)
    assert made.is_dir()


def lenient() -> dict[str, Any]:
    """A judge and a reviewer who accept what the embedded ones would call wrong, and one kind of question."""
    rates = {"error_rate": 0.0, "heeded": 1.0, "lucky_rate": 0.0, "miss_rate": 1.0, "false_alarm_rate": 0.0}
    return {
        "judge": {"name": "micro_world", "model": "judge", **rates},
        "reviewer": {"name": "micro_world", "seed": 0, "miss_rate": 1.0, "false_alarm_rate": 0.0},
        "reasoning": ONE_CATEGORY,
    }
