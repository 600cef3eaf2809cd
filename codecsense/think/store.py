"""Every reply that was paid for, named by what was asked, and what all of it has cost.

One SQLite file: a reply is committed before anything is made from it, so a killed run loses at most those that were on
their way, and a rerun asks for none that is here. An attempt is written down before it is sent, at the most
it can cost: one that never came back stays on the bill, so a budget cannot be overrun by killing and starting again.
Requests are kept as well, pictures by their hash alone. One process at a time may hold a store; a share of the work has
a part of it in a folder of its own, which begins with all that is known and is taken up when the share has stopped.
"""

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from codecsense.think.teachers import Cost, Delivery

FILE = "replies.sqlite"
PATIENCE_S = 0.2  # for a store that another process holds
TABLES = """
create table if not exists replies (
    key text primary key, model text not null, reply_id text not null, content text not null, refusal text not null,
    finish text not null, tokens integer not null, money real not null, asked text not null);
create index if not exists by_reply_id on replies (reply_id);
create table if not exists attempts (
    number integer primary key, key text not null, tokens integer not null, money real not null,
    state text not null check (state in ('open', 'lost', 'free', 'replied')));
create index if not exists by_state on attempts (state);
"""
PICTURE = re.compile(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+")


class Stored(NamedTuple):
    """A reply and what it cost."""

    key: str
    model: str
    content: str
    refusal: str
    finish: str
    cost: Cost


def key_of(body: Mapping[str, Any]) -> str:
    """The name of a reply: the hash of all that decides it."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class HeldError(ValueError):
    """Another process holds this store."""


class ReplyStore:
    """The replies in `folder`; HeldError where another process holds it, ValueError where the file is damaged."""

    def __init__(self, folder: Path, *, patience_s: float = PATIENCE_S) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.database = sqlite3.connect(self.path, isolation_level=None, timeout=patience_s)
        try:
            self.database.execute("pragma locking_mode = exclusive")
            self.database.execute("pragma journal_mode = wal")
            self.database.execute("pragma synchronous = normal")
            self.database.executescript(TABLES)
            self.database.execute("update attempts set state = 'lost' where state = 'open'")
        except sqlite3.DatabaseError as error:
            self.database.close()
            raise _unusable(self.path, error) from None
        self.spent = self._sum_spent()

    def __enter__(self) -> "ReplyStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def __len__(self) -> int:
        return int(self.database.execute("select count(*) from replies").fetchone()[0])

    def get(self, key: str) -> Stored | None:
        """The reply under `key`, if it has been paid for."""
        row = self.database.execute(
            "select model, content, refusal, finish, tokens, money from replies where key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        model, content, refusal, finish, tokens, money = row
        return Stored(key, model, content, refusal, finish, Cost(tokens, money))

    def begin(self, key: str, worst: Cost) -> int:
        """Write down that a request is about to be sent, at the most it can cost; its number."""
        number = self.database.execute(
            "insert into attempts (key, tokens, money, state) values (?, ?, ?, 'open')", (key, *worst)
        ).lastrowid
        assert number is not None
        self._spend(worst, 1)
        return number

    def fail(self, number: int, *, may_be_paid: bool) -> None:
        """An attempt ended without a reply; what may have been paid for stays on the bill."""
        if not may_be_paid:
            self._spend(self._attempt(number), -1)
        self._close(number, "lost" if may_be_paid else "free")

    def keep(
        self, number: int, key: str, delivery: Delivery, *, model: str, cost: Cost, body: Mapping[str, Any]
    ) -> Stored:
        """Commit a reply in place of its attempt."""
        asked = PICTURE.sub(_hashed, json.dumps(body, ensure_ascii=False))
        told = (delivery.reply_id, delivery.content, delivery.refusal, delivery.finish)
        before = self._attempt(number)
        with self.database:
            self.database.execute("begin")
            self.database.execute(
                "insert into replies values (?, ?, ?, ?, ?, ?, ?, ?, ?)", (key, model, *told, *cost, asked)
            )
            self._close(number, "replied")
        self._spend(before, -1)
        self._spend(cost, 1)
        return Stored(key, model, delivery.content, delivery.refusal, delivery.finish, cost)

    def given_to_another(self, reply_id: str, key: str) -> bool:
        """Whether the reply to another request came under the same id."""
        found = self.database.execute("select 1 from replies where reply_id = ? and key != ?", (reply_id, key))
        return found.fetchone() is not None

    def part(self, folder: Path) -> "ReplyStore":
        """A store in `folder`, new, that begins with all that is here."""
        unfinished = folder.with_name(f"unfinished-{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        copy = sqlite3.connect(unfinished / FILE, isolation_level=None)
        self.database.backup(copy)
        _mark_taken_up(copy)
        copy.close()
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.replace(folder)
        return ReplyStore(folder)

    def take_up(self, folder: Path) -> None:
        """Add what the part in `folder` has beyond its beginning; HeldError where a process still adds to it.

        What two parts paid for stays on the bill twice, and is kept once.
        """
        with ReplyStore(folder) as part:
            added = part._added()
            with self.database:
                self.database.execute("begin")
                for attempt in added:
                    self._add(*attempt)
            _mark_taken_up(part.database)
        self.spent = self._sum_spent()

    def _added(self) -> list[tuple[str, Cost, str, tuple[Any, ...] | None]]:
        """Attempts since the beginning of this part: key, cost, state, and the row of the reply that came."""
        rows = self.database.execute(
            "select key, tokens, money, state from attempts, pragma_user_version where number > user_version"
        ).fetchall()
        find = "select * from replies where key = ?"
        return [
            (
                key,
                Cost(tokens, money),
                state,
                self.database.execute(find, (key,)).fetchone() if state == "replied" else None,
            )
            for key, tokens, money, state in rows
        ]

    def _add(self, key: str, cost: Cost, state: str, reply: tuple[Any, ...] | None) -> None:
        if reply is not None and self.get(key) is not None:
            cost, state = Cost(*reply[6:8]), "lost"
        elif reply is not None:
            self.database.execute("insert into replies values (?, ?, ?, ?, ?, ?, ?, ?, ?)", reply)
        self.database.execute(
            "insert into attempts (key, tokens, money, state) values (?, ?, ?, ?)", (key, *cost, state)
        )

    def _attempt(self, number: int) -> Cost:
        return Cost(*self.database.execute("select tokens, money from attempts where number = ?", (number,)).fetchone())

    def _close(self, number: int, state: str) -> None:
        self.database.execute("update attempts set state = ? where number = ?", (state, number))

    def _spend(self, cost: Cost, sign: int) -> None:
        self.spent = Cost(self.spent.tokens + sign * cost.tokens, self.spent.money + sign * cost.money)

    def _sum_spent(self) -> Cost:
        paid = self.database.execute("select total(tokens), total(money) from replies").fetchone()
        lost = self.database.execute("select total(tokens), total(money) from attempts where state = 'lost'").fetchone()
        return Cost(int(paid[0] + lost[0]), paid[1] + lost[1])


def _mark_taken_up(database: sqlite3.Connection) -> None:
    """Everything in this part is in the whole as well."""
    (last,) = database.execute("select coalesce(max(number), 0) from attempts").fetchone()
    database.execute(f"pragma user_version = {last:d}")


def _hashed(picture: re.Match[str]) -> str:
    return f"sha256:{hashlib.sha256(picture.group().encode()).hexdigest()}"


def _unusable(path: Path, error: sqlite3.DatabaseError) -> ValueError:
    if "locked" in str(error):
        return HeldError(f"{path} is held by another process; wait for it, or name another folder for replies")
    return ValueError(f"{path} is not a readable store of replies ({error}); move it away to start afresh")
