"""The embedded teacher and judge: answers from the micro world's facts, and errs at known rates.

It needs no network, so the whole engine runs anywhere; and since its errors are real ones, judge, reviewers and
consensus have something to find. It heeds remarks: a kind of fact that a remark in its system prompt names goes wrong
less often. Each reply is a function of all that it was asked with, seed included, as a model's reply would be.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any, Literal

from pydantic import Field

from codecsense.think import truth
from codecsense.think.prompts import REMARKS, Summary, Thought, Verdict
from codecsense.think.teachers import Cost, Delivery, Known, Line, Request, Teacher, TeacherConfig
from codecsense.world import NUM_INTERVALS
from codecsense.world.questions import OPTIONS, Clip
from codecsense.world.script import PITCHES, RETURNING, SPINS, WAYS, Action

MOST_WORDS = 200  # of a reply; words are its tokens


class Settings(TeacherConfig):
    """How often it errs."""

    name: Literal["micro_world"]
    error_rate: float = Field(ge=0, le=1)  # of a single fact in a summary, and of the answer to a question
    heeded: float = Field(ge=0, le=1)  # the rate is multiplied by this for what a remark names
    lucky_rate: float = Field(ge=0, le=1)  # right answers that come from wrong reasoning
    miss_rate: float = Field(ge=0, le=1)  # wrong summaries that it accepts as a judge
    false_alarm_rate: float = Field(ge=0, le=1)  # right ones that it rejects

    def build(self, known: Known) -> "MicroWorldTeacher":
        """The teacher who knows these facts."""
        return MicroWorldTeacher(self, known)


class MicroWorldTeacher(Teacher):
    """Answers from facts."""

    def __init__(self, settings: Settings, known: Known) -> None:
        self.settings, self.known, self.model, self.num_pictures = settings, known, settings.model, 0

    def body(self, request: Request) -> dict[str, Any]:
        asked = {"step": request.step, "video_id": request.video_id, "subject": dict(request.subject)}
        told = {"system": request.system, "text": request.text, "seed": request.seed}
        return {"teacher": self.settings.model_dump(), **asked, **told}

    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        return Cost(tokens_in + tokens_out, 0.0)

    def worst(self, body: Mapping[str, Any]) -> Cost:
        return self.cost(_words(body), MOST_WORDS)

    def line(self) -> AbstractAsyncContextManager[Line]:
        return _open(self)

    def reply(self, body: Mapping[str, Any], key: str) -> Summary | Verdict | Thought:
        """What it says; chance is drawn from the request's own name."""
        random = Random(int(key, 16))
        clip = self.known.clips.get(body["video_id"])
        if clip is None:
            raise ValueError(f"the embedded teacher knows the micro world only, not the video {body['video_id']!r}")
        if body["step"] == "summarise":
            return self._summarise(clip, body["subject"]["modality"], body["system"], random)
        if body["step"] == "judge":
            return self._judge(clip, body["subject"], random)
        return self._reason(clip, body["subject"]["question_id"], random)

    def _summarise(self, clip: Clip, modality: str, system: str, random: Random) -> Summary:
        remarks = system.partition(REMARKS)[2]

        def errs(fact: str) -> bool:
            return random.random() < self.settings.error_rate * (self.settings.heeded if fact in remarks else 1.0)

        actors = tuple(
            actor._replace(actions=tuple(_retell(action, errs, random) for action in actor.actions))
            for actor in clip.actors
        )
        pitches = tuple(_other(PITCHES, pitch, random) if errs("pitch") else pitch for pitch in clip.pitches)
        beeps = tuple(_other((1, 2, 3), count, random) if errs("beeps") else count for count in clip.beeps)
        told = clip._replace(actors=actors, pitches=pitches, beeps=beeps)
        return Summary(lines=truth.lines_of(told, modality, self.known.interval_s))

    def _judge(self, clip: Clip, subject: Mapping[str, Any], random: Random) -> Verdict:
        wrong = truth.wrong_fields(clip, subject["modality"], subject["texts"])
        overlooks = random.random() < (self.settings.miss_rate if wrong else self.settings.false_alarm_rate)
        accept = bool(wrong) == overlooks
        return Verdict(accept=accept, reason="" if accept else f"the {(wrong or ['order'])[0]} is not as in the video")

    def _reason(self, clip: Clip, question_id: str, random: Random) -> Thought:
        question = self.known.questions.get(question_id)
        if question is None:
            raise ValueError(f"the world has no question {question_id!r}; run `dvc repro dataset -f` to put them again")
        chance = random.random()
        if chance >= self.settings.error_rate + self.settings.lucky_rate:
            return truth.true_thought(clip, question)
        elsewhere = question._replace(moment=_other(range(NUM_INTERVALS), question.moment, random))
        thought = truth.true_thought(clip, elsewhere)
        if chance < self.settings.error_rate:
            return thought.model_copy(update={"answer": _other(OPTIONS[question.kind], question.answer, random)})
        return thought


@asynccontextmanager
async def _open(teacher: MicroWorldTeacher) -> AsyncIterator[Line]:
    yield _Mouth(teacher)


class _Mouth:
    def __init__(self, teacher: MicroWorldTeacher) -> None:
        self.teacher = teacher

    async def send(self, body: Mapping[str, Any], key: str) -> Delivery:
        said = self.teacher.reply(body, key).model_dump_json()
        return Delivery(f"micro-{key}", said, "", "stop", _words(body), len(said.split()))


def _words(body: Mapping[str, Any]) -> int:
    return len(body["system"].split()) + len(body["text"].split())


def _retell(action: Action, errs: Any, random: Random) -> Action:
    """An action with some of its facts wrong; a wrong kind comes with everything that belongs to it."""
    if errs("kind"):
        kind = _other(RETURNING, action.kind, random)
        return Action(
            kind=kind,
            way=random.choice(tuple(WAYS)) if kind == "swing" else "none",
            count=random.randint(1, 3) if kind in ("swing", "flash") else 0,
            spin=random.choice(SPINS) if kind == "orbit" else "none",
        )
    way = _other(tuple(WAYS), action.way, random) if action.way != "none" and errs("direction") else action.way
    spin = _other(SPINS, action.spin, random) if action.spin != "none" and errs("direction") else action.spin
    count = _other((1, 2, 3), action.count, random) if action.count and errs("count") else action.count
    return Action(action.kind, way, count, spin)


def _other(choices: Any, one: Any, random: Random) -> Any:
    """Any of the choices but this one."""
    return random.choice([choice for choice in choices if choice != one])
