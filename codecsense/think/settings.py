"""Section `think`: who teaches, judges and reviews, how much is made, and what it may cost."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from codecsense.config import Annotated, Config, SerializeAsAny, pick
from codecsense.think.asking import Limits
from codecsense.think.reviewers import ReviewerConfig
from codecsense.think.teachers import TeacherConfig
from codecsense.think.transcribers import TranscriberConfig

Category = Literal["temporal", "social", "general"]
TeacherSettings = Annotated[SerializeAsAny[TeacherConfig], pick("codecsense.think.teachers")]


class ReasoningConfig(Config):
    """How reasoning is sampled and chosen."""

    samples: int = Field(ge=2)  # independent ones; all must agree
    agree_on: list[Literal["answer", "info"]]  # what must be the same in all samples
    most_per_video: PositiveInt
    categories: dict[str, Category]  # of each kind of question
    shares: dict[Category, PositiveFloat]  # of the balanced choice

    @model_validator(mode="after")
    def _there_is_agreement_on_the_answer(self) -> "ReasoningConfig":
        if "answer" not in self.agree_on:
            raise ValueError("reasoning.agree_on must hold `answer`; samples that answer differently do not agree")
        missing = set(self.categories.values()) - set(self.shares)
        if missing:
            raise ValueError(f"reasoning.shares lacks {', '.join(sorted(missing))}, which `categories` names")
        return self


class ThinkConfig(Config):
    """Section `think`."""

    videos: PositiveInt  # of the training split
    batch: PositiveInt  # videos between two looks of a person
    rounds: PositiveInt  # attempts at a summary, the first included
    most_remarks: PositiveInt  # in a system prompt, the most frequent first
    segment_s: PositiveFloat
    shift_s: PositiveFloat  # how far ahead or back a task asks
    transcriber: Annotated[SerializeAsAny[TranscriberConfig], pick("codecsense.think.transcribers")]
    teacher: TeacherSettings
    stronger: TeacherSettings  # writes the rejected again
    judge: TeacherSettings
    reasoner: TeacherSettings
    reviewer: Annotated[SerializeAsAny[ReviewerConfig], pick("codecsense.think.reviewers")]
    reasoning: ReasoningConfig
    limits: Limits
    most_unanswered_share: float = Field(ge=0, le=1)  # of what was asked for; more stops the stage
    exports: list[Literal["llava_video", "llama_factory", "ms_swift", "video_r1"]]
