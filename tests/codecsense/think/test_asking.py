"""Teachers over real HTTP on loopback, which misbehave in every way we know of."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from loopback_teacher import LoopbackTeacher, settings
from pydantic import BaseModel, ConfigDict

from codecsense.think.asking import Answer, Desk, Limits, Rejection
from codecsense.think.store import FILE, ReplyStore
from codecsense.think.teachers import Known, MisconfiguredError, Request, Teacher
from codecsense.think.teachers.openai_api import Settings

KEY = "sk-secret-5f2c9a71"
NOTHING_KNOWN = Known({}, {}, 1.0)


class Said(BaseModel):
    """What the loopback teacher replies."""

    model_config = ConfigDict(extra="forbid")
    said: str


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", KEY)


def limits(**changes: Any) -> Limits:
    values = {"concurrency": 4, "attempts": 3, "replies": 2, "first_wait_s": 0.01, "longest_wait_s": 2.0}
    return Limits(**{**values, "silent_items": 5, "money": 1.0, "tokens": 1_000_000, **changes})


def teacher(server: LoopbackTeacher, **changes: Any) -> Teacher:
    return Settings.model_validate(keyed(server.url) | changes).build(NOTHING_KNOWN)


def keyed(url: str, **changes: Any) -> dict[str, Any]:
    """Settings with a key; they give up before a slow server answers."""
    return settings(url, key_env="LOOPBACK_KEY", timeout_s=0.8, **changes)


def request(item: str, **changes: Any) -> Request:
    values: dict[str, Any] = {"step": "echo", "video_id": "v", "system": "repeat", "text": item}
    return Request(item=item, shape=Said.model_json_schema(), **{**values, **changes})


def ask(server: LoopbackTeacher, folder: Path, *items: str, **changes: Any) -> dict[str, Answer[Said] | Rejection]:
    with ReplyStore(folder) as store:
        return Desk(store, limits(**changes)).ask(teacher(server), [request(item) for item in items], Said)


PASSING = [
    *("busy", "busy_until", "broken", "slow", "dripping", "endless", "cut", "garbage", "no_choices"),
    *("prose", "wrong_schema", "brackets"),
]


@pytest.mark.parametrize("fault", PASSING)
def test_an_item_outlives_one_failure_of_any_kind(fault: str, server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["hello"] = deque([fault])
    outcome = ask(server, tmp_path, "hello")["hello"]
    assert isinstance(outcome, Answer)
    assert outcome.value.said == "HELLO"
    assert server.books.seen["hello"] == 2


REJECTED = {
    "busy": ("unavailable", "HTTP 429"),
    "busy_for_an_hour": ("unsuitable", "asks to wait 3600 s"),
    "broken": ("unavailable", "HTTP 500"),
    "cut": ("unavailable", "the connection broke"),
    "garbage": ("unavailable", "no chat completion"),
    "prose": ("invalid", "Invalid JSON"),
    "wrong_schema": ("invalid", "said: Field required"),
    "brackets": ("invalid", "Invalid JSON"),
    "too_long": ("unsuitable", "HTTP 400"),
    "elsewhere": ("unsuitable", "HTTP 307"),
    "refusal": ("refused", "cannot help"),
    "filtered": ("refused", "content filter"),
}


@pytest.mark.parametrize("fault", REJECTED)
def test_an_item_that_always_fails_is_rejected_with_the_reason(fault: str, server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["hello"] = deque([fault] * 9)
    outcomes = ask(server, tmp_path, "hello", "good bye")
    kind, words = REJECTED[fault]
    rejection = outcomes["hello"]
    assert isinstance(rejection, Rejection)
    assert rejection.kind == kind
    assert words in rejection.reason
    assert isinstance(outcomes["good bye"], Answer)


def test_nobody_asks_while_the_teacher_wants_to_be_left_alone(server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["first"] = deque(["busy"])
    ask(server, tmp_path, "first", "second", "third", concurrency=1)
    first, again = server.books.at_s["first"]
    assert again - first >= 0.3


def test_a_refusal_is_not_argued_with_and_not_asked_for_again(server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["hello"] = deque(["refusal"])
    for _ in range(2):
        assert isinstance(ask(server, tmp_path, "hello")["hello"], Rejection)
    assert server.books.seen["hello"] == 1


def test_a_rerun_costs_nothing(server: LoopbackTeacher, tmp_path: Path):
    items = [f"item {n}" for n in range(20)]
    server.manners.faults = {"item 3": deque(["prose"]), "item 4": deque(["refusal"])}
    first = ask(server, tmp_path, *items)
    asked = server.books.seen.total()
    assert ask(server, tmp_path, *items) == first
    assert server.books.seen.total() == asked == 21


def test_equal_requests_are_sent_once(server: LoopbackTeacher, tmp_path: Path):
    twins = [request(f"item {n}", text="same") for n in range(8)]
    with ReplyStore(tmp_path) as store:
        outcomes = Desk(store, limits()).ask(teacher(server), twins, Said)
    assert len(outcomes) == 8
    assert server.books.seen.total() == 1


def test_a_changed_seed_prompt_or_model_is_another_request(server: LoopbackTeacher, tmp_path: Path):
    with ReplyStore(tmp_path) as store:
        desk = Desk(store, limits())
        for changes in ({}, {"seed": 1}, {"system": "shout"}):
            desk.ask(teacher(server), [request("hello", **changes)], Said)
        desk.ask(teacher(server, model="n"), [request("hello")], Said)
    assert server.books.seen["hello"] == 4
    assert len(server.books.charged) == 4


def test_no_more_requests_are_under_way_than_allowed(server: LoopbackTeacher, tmp_path: Path):
    server.manners.delay_s = 0.03
    ask(server, tmp_path, *(f"item {n}" for n in range(20)), concurrency=3)
    assert server.books.most_at_once == 3


def test_a_reply_under_the_id_of_another_one_is_not_believed(server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults = {"a": deque(["same_id"]), "b": deque(["same_id"])}
    outcomes = ask(server, tmp_path, "a", "b", concurrency=1)
    assert [outcome.value.said for outcome in outcomes.values() if isinstance(outcome, Answer)] == ["A", "B"]
    assert server.books.seen == {"a": 1, "b": 2}
    server.manners.constant_id = True
    late = ask(server, tmp_path, "c", "d", concurrency=1)
    assert isinstance(late["c"], Answer)
    assert isinstance(late["d"], Rejection)
    assert "under the id chatcmpl-1" in late["d"].reason


def test_two_items_of_one_name_are_refused(server: LoopbackTeacher, tmp_path: Path):
    with pytest.raises(ValueError, match="item 'a' is asked for twice"):
        ask(server, tmp_path, "a", "a")


def test_a_fence_around_the_reply_is_taken_off(server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["hello"] = deque(["fenced"])
    assert isinstance(ask(server, tmp_path, "hello")["hello"], Answer)


def test_the_bill_is_what_the_usage_says(server: LoopbackTeacher, tmp_path: Path):
    ask(server, tmp_path, "a", "b")
    with ReplyStore(tmp_path) as store:
        assert store.spent.tokens == 60
        assert store.spent.money == pytest.approx(2 * (20 * 10 + 10 * 40) / 1e6)


def test_the_budget_is_never_exceeded_and_what_is_left_out_says_so(server: LoopbackTeacher, tmp_path: Path):
    """A request of these may take 66 tokens, 16 bytes in and 50 out; a reply takes 30."""
    items = [f"item {n:04d}" for n in range(20)]
    outcomes = ask(server, tmp_path, *items, tokens=300)
    done = [item for item in items if isinstance(outcomes[item], Answer)]
    left = [outcome for outcome in outcomes.values() if isinstance(outcome, Rejection)]
    assert len(done) == 8  # 8 x 30 = 240, and 240 + 66 > 300
    assert {rejection.kind for rejection in left} == {"budget"}
    assert "240 of 300 tokens" in left[0].reason
    more = ask(server, tmp_path, *items, tokens=1000)
    assert all(isinstance(outcome, Answer) for outcome in more.values())
    assert server.books.seen.total() == 20


def test_money_is_a_limit_of_its_own(server: LoopbackTeacher, tmp_path: Path):
    outcomes = ask(server, tmp_path, "hello", money=0.001)
    assert isinstance(outcomes["hello"], Rejection)
    assert not server.books.seen


def test_attempts_that_may_have_been_paid_stay_on_the_bill(server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["hello"] = deque(["cut", "broken"])
    ask(server, tmp_path, "hello")
    with ReplyStore(tmp_path) as store:
        assert store.spent.tokens == 30 + len("repeat") + len("hello") + 50


def test_a_reply_that_does_not_say_what_it_took_is_billed_at_most(server: LoopbackTeacher, tmp_path: Path):
    server.manners.faults["hello"] = deque(["silent_on_usage"])
    ask(server, tmp_path, "hello")
    with ReplyStore(tmp_path) as store:
        assert store.spent.tokens == len("repeat") + len("hello") + len('{"said": "HELLO"}')


@pytest.mark.parametrize("fault", ["unknown_key", "no_credit"])
def test_what_every_item_would_meet_stops_the_work_and_keeps_what_is_done(
    fault: str, server: LoopbackTeacher, tmp_path: Path
):
    server.manners.faults["item 9"] = deque([fault])
    with pytest.raises(MisconfiguredError, match=r"`key_env` 'LOOPBACK_KEY'\) says HTTP 4") as error:
        ask(server, tmp_path, *(f"item {n}" for n in range(12)), concurrency=1)
    assert KEY not in str(error.value)
    ask(server, tmp_path, *(f"item {n}" for n in range(12)))
    assert server.books.seen == {f"item {n}": 1 + (n == 9) for n in range(12)}


def test_an_endpoint_that_answers_nobody_is_not_waited_for_item_by_item(server: LoopbackTeacher, tmp_path: Path):
    items = [f"item {n:02d}" for n in range(40)]
    server.manners.faults = {item: deque(["broken"] * 9) for item in items[3:]}
    with pytest.raises(MisconfiguredError, match="m answered none of 5 items in a row, the last one: HTTP 500"):
        ask(server, tmp_path, *items, concurrency=1)
    assert server.books.seen.total() == 3 + 5 * 3


def test_a_missing_key_is_named_by_its_variable(
    server: LoopbackTeacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("LOOPBACK_KEY")
    with pytest.raises(MisconfiguredError, match="LOOPBACK_KEY, named by `key_env`, is not set"):
        ask(server, tmp_path, "hello")
    monkeypatch.setenv("LOOPBACK_KEY", "sk secret")
    with pytest.raises(MisconfiguredError, match="cannot be a key") as error:
        ask(server, tmp_path, "hello")
    assert "sk secret" not in str(error.value)


def test_a_key_is_in_no_log_no_store_and_no_outcome(
    server: LoopbackTeacher, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    faults = ["broken", "too_long", "talkative", "busy", "cut"]
    server.manners.faults = {fault: deque([fault] * 9) for fault in faults}
    outcomes = ask(server, tmp_path, *faults, "hello")
    assert {headers["Authorization"] for headers in server.books.headers} == {f"Bearer {KEY}"}
    assert isinstance(outcomes["talkative"], Answer)
    assert outcomes["talkative"].value.said == "talkative for Bearer [key]"
    assert "[key]" in str(outcomes["broken"])
    for text in (str(outcomes), caplog.text, *capsys.readouterr(), json.dumps(server.books.bodies)):
        assert KEY not in text
    assert caplog.text
    for file in tmp_path.rglob("*"):
        assert KEY.encode() not in file.read_bytes()


def test_an_address_with_a_secret_in_it_is_refused():
    for url in ("https://user:pass@host/v1", "https://host/v1?key=abc", "ftp://host/v1", "host/v1"):
        with pytest.raises(ValueError, match="url must"):
            Settings.model_validate(keyed(url))


def test_pictures_travel_and_only_their_hash_is_kept(server: LoopbackTeacher, tmp_path: Path):
    with ReplyStore(tmp_path) as store:
        desk = Desk(store, limits())
        desk.ask(teacher(server), [request("hello", pictures=(b"\xff\xd8" * 3000,))], Said)
        asked = store.database.execute("select asked from replies").fetchone()[0]
    content = server.books.bodies[0]["messages"][1]["content"]
    assert content[1]["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/2")
    assert len(asked) < 1500
    assert "sha256:" in asked


def test_one_process_at_a_time_holds_a_store(tmp_path: Path):
    with ReplyStore(tmp_path), pytest.raises(ValueError, match="held by another process"):
        ReplyStore(tmp_path)
    ReplyStore(tmp_path).database.close()


def test_a_damaged_store_is_named_and_left_alone(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"no database" * 500)
    with pytest.raises(ValueError, match="not a readable store of replies"):
        ReplyStore(tmp_path)
    assert (tmp_path / FILE).read_bytes() == b"no database" * 500


WORK = """
import json, sys
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[3])
from test_asking import Said, keyed, limits, request, NOTHING_KNOWN
from codecsense.think.asking import Desk
from codecsense.think.store import ReplyStore
from codecsense.think.teachers.openai_api import Settings
with ReplyStore(Path(sys.argv[1])) as store:
    teacher = Settings.model_validate(keyed(sys.argv[2])).build(NOTHING_KNOWN)
    outcomes = Desk(store, limits(concurrency=4)).ask(teacher, [request(f"item {n}") for n in range(60)], Said)
print(sum(hasattr(outcome, "value") for outcome in outcomes.values()))
"""


def test_over_a_kill_nothing_is_lost_and_nothing_is_paid_twice(server: LoopbackTeacher, tmp_path: Path):
    server.manners.delay_s = 0.02
    paths = json.dumps([str(Path(__file__).parents[3]), str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    command = [sys.executable, "-c", WORK, str(tmp_path), server.url, paths]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 60
        while len(server.books.delivered) < 20 and time.monotonic() < deadline:
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    with ReplyStore(tmp_path) as store:
        kept = {
            json.loads(row[0])["messages"][1]["content"] for row in store.database.execute("select asked from replies")
        }
        bound = store.spent.tokens
    assert 16 <= len(kept) < 60
    assert bound >= 30 * len(kept)
    again = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert again.stdout.strip() == "60"
    assert all(server.books.seen[item] == 1 for item in kept)
    assert sum(times - 1 for times in server.books.seen.values()) <= 4  # those that were on their way
    assert set(server.books.charged.values()) == {1}
    assert len(server.books.charged) == 60
