"""Stores of shares: what they bought comes back once, whatever kills them, and nothing is heard or paid for twice."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from loopback_teacher import LoopbackTeacher, settings
from pydantic import BaseModel

from codecsense.think import sharing
from codecsense.think.asking import Answer, Desk, Limits
from codecsense.think.store import FILE, HeldError, ReplyStore
from codecsense.think.teachers import Cost, Known, Request, Teacher
from codecsense.think.teachers.openai_api import Settings
from codecsense.think.transcribers import Cue, Transcriber, TranscriberConfig, transcribe
from codecsense.think.transcripts import Kept, Named
from codecsense.turns import CallAgainError, Share
from codecsense.workers import ShareDoneError

VIDEOS = [f"v{number}" for number in range(6)]
SHARES = (Share(0, 2), Share(1, 2))
LIMITS = Limits(
    concurrency=4,
    attempts=1,
    replies=1,
    first_wait_s=0.0,
    longest_wait_s=1.0,
    silent_items=5,
    money=1.0,
    tokens=1_000_000,
)


class Said(BaseModel):
    """What the teacher on loopback replies."""

    said: str


def teacher(url: str) -> Teacher:
    return Settings.model_validate(settings(url)).build(Known({}, {}, 1.0))


def ask(desk: Desk, url: str) -> int:
    """Ask about every video; how many were answered."""
    shape = Said.model_json_schema()
    requests = [Request(name, "echo", name, "repeat", name, shape) for name in VIDEOS]
    return sum(isinstance(outcome, Answer) for outcome in desk.ask(teacher(url), requests, Said).values())


def test_each_share_asks_about_its_own_and_the_next_round_knows_all(server: LoopbackTeacher, tmp_path: Path):
    with sharing.desk(tmp_path, LIMITS, SHARES[0]) as one, sharing.desk(tmp_path, LIMITS, SHARES[1]) as other:
        answered = [ask(one, server.url), ask(other, server.url)]
        assert sum(answered) == len(VIDEOS)
        assert 0 < answered[0] < len(VIDEOS)
        for desk in (one, other):
            with pytest.raises(CallAgainError):
                desk.meet()
            with pytest.raises(ShareDoneError) as done:
                desk.meet(last=True)
            assert not isinstance(done.value, CallAgainError)
    with sharing.desk(tmp_path, LIMITS, SHARES[0]) as desk:
        assert ask(desk, server.url) == len(VIDEOS)
        desk.meet()
    assert server.books.seen.total() == len(VIDEOS)


def test_a_share_that_can_get_no_further_is_not_called_again(server: LoopbackTeacher, tmp_path: Path):
    with sharing.desk(tmp_path, LIMITS, SHARES[0]) as desk:
        ask(desk, server.url)
    with sharing.desk(tmp_path, LIMITS, SHARES[0]) as desk:
        ask(desk, server.url)
        with pytest.raises(ShareDoneError) as done:
            desk.meet()
    assert not isinstance(done.value, CallAgainError)


def test_the_whole_waits_for_no_share_but_says_that_one_is_at_work(server: LoopbackTeacher, tmp_path: Path):
    with sharing.desk(tmp_path, LIMITS, SHARES[0]), pytest.raises(HeldError), sharing.desk(tmp_path, LIMITS, None):
        raise AssertionError("it was given a desk")
    with sharing.desk(tmp_path, LIMITS, None) as desk:
        assert ask(desk, server.url) == len(VIDEOS)


def killed(folder: Path, url: str) -> None:
    """A share that dies as by `kill -9`, with an attempt on its way."""
    with sharing.desk(folder, LIMITS, SHARES[0]) as desk:
        ask(desk, url)
        desk.store.begin("never", Cost(tokens=100, money=0.01))
        os._exit(1)


def test_what_a_killed_share_bought_is_kept_and_what_was_on_its_way_stays_on_the_bill(
    server: LoopbackTeacher, tmp_path: Path
):
    process = multiprocessing.get_context("spawn").Process(target=killed, args=(tmp_path, server.url))
    process.start()
    process.join()
    assert process.exitcode == 1
    seen = server.books.seen.total()
    with sharing.desk(tmp_path, LIMITS, None) as desk:
        assert len(desk.store) == seen > 0
        (paid,) = desk.store.database.execute("select total(money) from replies").fetchone()
        assert desk.store.spent.money == pytest.approx(paid + 0.01)
    assert not list((tmp_path / sharing.PARTS).iterdir())


def test_a_part_is_taken_up_once_and_what_two_bought_stays_on_the_bill_twice(server: LoopbackTeacher, tmp_path: Path):
    with ReplyStore(tmp_path / "whole") as whole:
        for name in ("one", "other"):
            with whole.part(tmp_path / name) as part:
                ask(Desk(part, LIMITS), server.url)
        for name in ("one", "other", "one", "other"):
            whole.take_up(tmp_path / name)
        assert len(whole) == len(VIDEOS)
        assert server.books.seen.total() == 2 * len(VIDEOS)
        (once,) = whole.database.execute("select total(money) from replies").fetchone()
        assert whole.spent.money == pytest.approx(2 * once)
    with ReplyStore(tmp_path / "whole") as whole:
        assert whole.spent.money == pytest.approx(2 * once)


def test_a_purse_is_divided_into_equal_parts_of_what_is_left(server: LoopbackTeacher, tmp_path: Path):
    with sharing.desk(tmp_path, LIMITS, None) as desk:
        ask(desk, server.url)
        spent = desk.store.spent
    with sharing.desk(tmp_path, LIMITS, SHARES[1]) as desk:
        assert desk.limits.money == pytest.approx(spent.money + (1.0 - spent.money) / 2)
        assert desk.limits.tokens == spent.tokens + (1_000_000 - spent.tokens) // 2
    assert (tmp_path / FILE).is_file()


class Echo(Transcriber):
    """Hears the name of the file, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def hear(self, video: Path) -> list[Cue]:
        self.asked.append(video.stem)
        return [Cue(0.1, 1 / 3, video.stem)]


class EchoConfig(TranscriberConfig):
    """The one that is below."""

    def build(self) -> Echo:
        return ECHO


ECHO = Echo()


def test_a_video_is_heard_once_by_the_share_whose_it_is(tmp_path: Path):
    ECHO.asked.clear()
    videos = {tmp_path / f"{name}.mp4": Named(name, f"{name}-contents") for name in VIDEOS}
    told = []
    for share in (*SHARES, *SHARES, None):
        kept = Kept(EchoConfig(name="echo"), tmp_path / "kept", videos, share)
        told.append([transcribe(video, kept) for video in videos])
        if len(told) <= len(SHARES):
            with pytest.raises(CallAgainError):
                kept.meet()
        else:
            kept.meet()
    assert sorted(ECHO.asked) == VIDEOS
    assert told[1] == told[2] == told[3] == told[4] == [[Cue(0.1, 1 / 3, name)] for name in VIDEOS]
    assert json.dumps(told[0]).count("[[") < len(VIDEOS)
