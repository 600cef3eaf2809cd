"""The contract of a teacher: what it is asked, what it delivers, and how it may fail.

A teacher turns a request into a `body`, which holds everything that can decide the reply: its hash is the reply's name
in the store. `Line.send` makes one attempt; whether to try again is decided above it, in one place for all teachers.
One file of this folder per kind of teacher.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from codecsense.config import Config

if TYPE_CHECKING:
    from codecsense.world.questions import Clip, Question  # drags in tables, which a teacher behind HTTP never needs


@dataclass(frozen=True)
class Request:
    """What is asked of a teacher about one item."""

    item: str  # its name in tables and rejections, unique among what is asked together
    step: str  # summarise, judge or reason
    video_id: str
    system: str
    text: str
    shape: Mapping[str, Any]  # JSON schema of the reply that is wanted
    subject: Mapping[str, Any] = field(default_factory=dict)  # what it is about, as data; read by the embedded teacher
    pictures: tuple[bytes, ...] = ()  # JPEG
    seed: int = 0


class Delivery(NamedTuple):
    """One reply as it came; `content` has not been looked at yet."""

    reply_id: str
    content: str
    refusal: str
    finish: str
    tokens_in: int
    tokens_out: int


class Cost(NamedTuple):
    """What a reply costs, or may cost at most."""

    tokens: int
    money: float


class PassingError(Exception):
    """A failure that another attempt may not meet; `wait_s` where the teacher said when to come back."""

    def __init__(self, reason: str, *, wait_s: float | None = None, may_be_paid: bool) -> None:
        super().__init__(reason)
        self.wait_s, self.may_be_paid = wait_s, may_be_paid


class FinalError(Exception):
    """A failure that every attempt at this item would meet; others may fare better."""


class MisconfiguredError(ValueError):
    """A failure that every item would meet: a wrong key, a wrong address, an empty account."""


class Line(Protocol):
    """An open connection to a teacher."""

    async def send(self, body: Mapping[str, Any], key: str) -> Delivery:
        """The reply to `body`; PassingError, FinalError or MisconfiguredError where there is none."""
        ...


class Teacher(ABC):
    """Whoever replies."""

    model: str
    num_pictures: int  # how many pictures of a video it wants to see

    @abstractmethod
    def body(self, request: Request) -> dict[str, Any]:
        """Everything that can decide the reply, as JSON; no key is part of it."""

    @abstractmethod
    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        """What a reply of this length costs."""

    @abstractmethod
    def worst(self, body: Mapping[str, Any]) -> Cost:
        """What the reply to `body` can cost at most."""

    @abstractmethod
    def line(self) -> AbstractAsyncContextManager[Line]:
        """A connection for as long as the context lasts."""


class Known(NamedTuple):
    """What is true of the micro world, for those who answer from it; empty for any other corpus."""

    clips: Mapping[str, "Clip"]
    questions: Mapping[str, "Question"]
    interval_s: float


class TeacherConfig(Config):
    """What every kind of teacher is described by."""

    name: str
    model: str

    def build(self, known: Known) -> Teacher:
        """The teacher; `known` is read by the embedded one only."""
        raise TypeError(f"{type(self).__name__} does not say how to build itself")
