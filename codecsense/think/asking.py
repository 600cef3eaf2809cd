"""Ask a teacher about many items: side by side, within a budget, each reply paid for once.

Every item ends with an answer or a rejection that says why. A reply is first looked for in the store; only what is
missing is sent. A failure that may pass is tried again after a growing wait, or after the wait the teacher asked for,
during which nobody asks. A reply of the wrong shape has been paid for and is kept; the item is asked again with
the next seed, which is another request. A refusal is an answer of the teacher's and is not argued with.

A share of the work (`codecsense.turns`) asks about its own videos alone, takes of the others' what the store has, and
stops at `meet`, where everybody's replies are needed, if any is missing.
"""

import asyncio
import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError

from codecsense.config import Config
from codecsense.think.store import ReplyStore, Stored, key_of
from codecsense.think.teachers import Cost, FinalError, Line, MisconfiguredError, PassingError, Request, Teacher
from codecsense.turns import Share, meet

Shape = TypeVar("Shape", bound=BaseModel)
FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
REASON_LENGTH = 300


class Limits(Config):
    """How hard a teacher may be asked, and what it may cost over the life of the store."""

    concurrency: PositiveInt  # requests on their way at once
    attempts: PositiveInt  # at one request, where failures may pass
    replies: PositiveInt  # to one item, where they have the wrong shape
    first_wait_s: NonNegativeFloat  # before the second attempt; doubled for each further one
    longest_wait_s: PositiveFloat
    silent_items: PositiveInt  # given up in a row without one reply; then the endpoint is taken for dead
    money: NonNegativeFloat  # in the currency of the prices
    tokens: int = Field(ge=0)


@dataclass(frozen=True)
class Answer(Generic[Shape]):
    """What a teacher said of an item, and where it comes from."""

    value: Shape
    model: str
    prompt_hash: str
    seed: int
    key: str  # of the reply in the store
    cost: Cost


class Rejection(NamedTuple):
    """Why an item has no answer."""

    kind: str  # refused, invalid, unavailable, unsuitable or budget; within a share also elsewhere
    reason: str


class BudgetError(Exception):
    """The next request could cost more than is left."""


class ElsewhereError(Exception):
    """Another share asks about this item, and has not yet."""


def prompt_hash(request: Request) -> str:
    """A name for what a teacher was told, apart from model and seed."""
    pictures = [hashlib.sha256(picture).hexdigest() for picture in request.pictures]
    return hashlib.sha256(json.dumps([request.system, request.text, pictures]).encode()).hexdigest()


class Desk:
    """Where requests are handed in; it holds the store and what is left of the budget."""

    def __init__(self, store: ReplyStore, limits: Limits, share: Share | None = None) -> None:
        self.store, self.limits, self.share = store, limits, share
        self.bought = 0  # replies that this desk has paid for
        self.unsettled = 0  # items whose outcome the store cannot tell another share

    def meet(self, *, last: bool = False) -> None:
        """Go on if a round before has settled everybody's items; else a share ends here, with ShareDoneError."""
        meet(self.share, done=self.bought, missing=self.unsettled, what="replies", last=last)

    def ask(
        self,
        teacher: Teacher,
        requests: Sequence[Request],
        shape: type[Shape],
        check: Callable[[Request, Shape], str] = lambda request, value: "",
    ) -> dict[str, Answer[Shape] | Rejection]:
        """An answer or a rejection for every item, by its name; `check` says what is wrong with a value, or nothing."""
        names = [request.item for request in requests]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"item {twice!r} is asked for twice in one call")
        return asyncio.run(_Shift(self, teacher, shape, check).work(requests))


class _Shift(Generic[Shape]):
    """One call of `ask`: workers that take requests one by one, and what they share."""

    def __init__(
        self, desk: Desk, teacher: Teacher, shape: type[Shape], check: Callable[[Request, Shape], str]
    ) -> None:
        self.desk, self.store, self.limits = desk, desk.store, desk.limits
        self.teacher, self.shape, self.check = teacher, shape, check
        self.outcomes: dict[str, Answer[Shape] | Rejection] = {}
        self.one_at_a_time: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.freed = asyncio.Condition()
        self.under_way = 0
        self.open_at = 0.0
        self.silent = 0  # items given up since the last reply

    async def work(self, requests: Sequence[Request]) -> dict[str, Answer[Shape] | Rejection]:
        waiting = iter(requests)
        async with self.teacher.line() as line:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self.limits.concurrency, len(requests))):
                        group.create_task(self._take(waiting, line))
            except ExceptionGroup as errors:  # whoever can mend it should read one message, not a tree of them
                mendable, others = errors.split(ValueError)
                if mendable is None or others is not None:
                    raise
                raise mendable.exceptions[0] from None  # `except*` would wrap it again before Python 3.11.4
        return {request.item: self.outcomes[request.item] for request in requests}

    async def _take(self, waiting: Iterator[Request], line: Line) -> None:
        for request in waiting:
            try:
                self.outcomes[request.item] = await self._outcome(request, line)
                continue
            except PassingError as error:
                self.outcomes[request.item] = _rejection("unavailable", f"{error}, {self.limits.attempts} times")
                self._count_silence(error)
            except FinalError as error:
                self.outcomes[request.item] = _rejection("unsuitable", str(error))
            except BudgetError as error:
                self.outcomes[request.item] = _rejection("budget", str(error))
            except ElsewhereError:
                self.outcomes[request.item] = _rejection("elsewhere", "another share asks")
            self.desk.unsettled += 1

    def _count_silence(self, error: PassingError) -> None:
        """Do not wait through every item's attempts for an endpoint that answers none."""
        self.silent += 1
        if self.silent >= self.limits.silent_items:
            told = f"{self.teacher.model} answered none of {self.silent} items in a row, the last one: {error}"
            raise MisconfiguredError(f"{told}; what it answered before is kept")

    async def _outcome(self, request: Request, line: Line) -> Answer[Shape] | Rejection:
        wrong = ""
        for retry in range(self.limits.replies):
            seed = request.seed + retry
            stored = await self._reply(replace(request, seed=seed), line)
            if stored.refusal:
                return _rejection("refused", stored.refusal)
            value = _read(stored, self.shape)
            wrong = value if isinstance(value, str) else self.check(request, value)
            if not isinstance(value, str) and not wrong:
                return Answer(value, stored.model, prompt_hash(request), seed, stored.key, stored.cost)
        return _rejection("invalid", f"{self.limits.replies} replies, the last one: {wrong}")

    async def _reply(self, request: Request, line: Line) -> Stored:
        body = self.teacher.body(request)
        key = key_of(body)
        async with self.one_at_a_time[key]:
            known = self.store.get(key)
            if known is None and self.desk.share is not None and not self.desk.share.holds(request.video_id):
                raise ElsewhereError
            return known if known is not None else await self._persist(body, key, line)

    async def _persist(self, body: dict[str, Any], key: str, line: Line) -> Stored:
        """Attempt after attempt until one brings a reply or a failure that will not pass."""
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

        limits = self.limits
        first_s = limits.first_wait_s
        backoff = wait_exponential_jitter(multiplier=first_s, max=limits.longest_wait_s, jitter=first_s)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(limits.attempts),
            retry=retry_if_exception_type(PassingError),
            wait=lambda state: 0.0 if _told_to_wait(state) else backoff(state),
            reraise=True,
        )
        return await retrying(self._attempt, body, key, line)

    async def _attempt(self, body: dict[str, Any], key: str, line: Line) -> Stored:
        await self._until_open()
        number = await self._reserve(key, self.teacher.worst(body))
        try:
            delivery = await line.send(body, key)
            if delivery.reply_id and self.store.given_to_another(delivery.reply_id, key):
                raise PassingError(f"the reply came under the id {delivery.reply_id} of another one", may_be_paid=True)
            self.silent = 0
            self.desk.bought += 1
            cost = self.teacher.cost(delivery.tokens_in, delivery.tokens_out)
            return self.store.keep(number, key, delivery, model=self.teacher.model, cost=cost, body=body)
        except PassingError as error:
            self.store.fail(number, may_be_paid=error.may_be_paid)
            self._pause(error)
            raise
        except (FinalError, MisconfiguredError):
            self.store.fail(number, may_be_paid=False)
            raise
        finally:
            await self._release()

    def _pause(self, error: PassingError) -> None:
        if error.wait_s is None:
            return
        if error.wait_s > self.limits.longest_wait_s:
            limit = f"`limits.longest_wait_s` is {self.limits.longest_wait_s:g} s"
            raise FinalError(f"{error}; it asks to wait {error.wait_s:g} s and {limit}")
        self.open_at = max(self.open_at, time.monotonic() + error.wait_s)

    async def _until_open(self) -> None:
        while (left_s := self.open_at - time.monotonic()) > 0:
            await asyncio.sleep(left_s)

    async def _reserve(self, key: str, worst: Cost) -> int:
        """Put the most it can cost on the bill; wait while what is under way may still turn out cheaper."""
        async with self.freed:
            while not self._affordable(worst):
                if self.under_way == 0:
                    raise BudgetError(_over_budget(self.store.spent, worst, self.limits))
                await self.freed.wait()
            self.under_way += 1
            return self.store.begin(key, worst)

    def _affordable(self, worst: Cost) -> bool:
        spent, limits = self.store.spent, self.limits
        fits = spent.money + worst.money <= limits.money or worst.money == 0
        return fits and spent.tokens + worst.tokens <= limits.tokens

    async def _release(self) -> None:
        async with self.freed:
            self.under_way -= 1
            self.freed.notify_all()


def _told_to_wait(state: Any) -> bool:
    error = state.outcome.exception()
    return isinstance(error, PassingError) and error.wait_s is not None


def _read(stored: Stored, shape: type[Shape]) -> Shape | str:
    """The value in a reply, with or without a fence around it; or what is wrong with the reply."""
    fenced = FENCE.match(stored.content)
    try:
        return shape.model_validate_json(fenced.group(1) if fenced else stored.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the reply"
        cut = " (it was cut off at its longest)" if stored.finish == "length" else ""
        return f"{place}: {first['msg']}{cut}"


def _rejection(kind: str, reason: str) -> Rejection:
    return Rejection(kind, reason if len(reason) <= REASON_LENGTH else f"{reason[:REASON_LENGTH]} ...")


def _over_budget(spent: Cost, worst: Cost, limits: Limits) -> str:
    of_money = f"{spent.money:.4f} of {limits.money:g} in money"
    of_tokens = f"{spent.tokens} of {limits.tokens} tokens"
    return f"the budget is spent: {of_money}, {of_tokens}, and the next request may take {worst.tokens} more"
