"""The score passport: everything without which a number cannot be laid beside another number.

The same reply is right under one public extractor and wrong under another, so a score is only a score together with
its benchmark's files, its scorers, its prompt, its frames, its pixels and how many replies could be read. What a
submission does not say is null and is printed as "not said"; two numbers whose conditions differ, or are not said, are
never laid side by side without saying so.
"""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from codecsense.benchmarks import Answer, BenchmarkConfig, Question, Scorer
from codecsense.benchmarks import _reading as reading
from codecsense.config import Config

PACKAGES = ("codecsense", "numpy", "polars", "scipy", "statsmodels")
SUBJECT = {"predictions_sha", "model", "adapter", "official", "strict", "media_missing"}  # what two scores compare


class Run(Config):
    """What the run that made the predictions says of itself; null where it says nothing."""

    model: str | None  # the host's weights, by hash
    adapter: str | None
    prompt_sha: str | None
    frames: int | None
    pixels: int | None  # of one frame
    context_tokens: float | None  # mean of the questions
    seed: int | None
    judge: str | None  # who judged open answers, with its version


UNSAID = Run.model_validate(dict.fromkeys(Run.model_fields))


class Counts(Config):
    """How many questions there are, and what became of the replies to them under one scorer."""

    total: int
    counted: int  # in the denominator
    correct: int
    answered: int  # read without doubt
    nearest: int
    random: int
    unparsed: int
    empty: int
    missing: int


class Passport(Config):
    """The conditions of a score, and its counts."""

    benchmark: str
    settings: dict[str, Any]
    annotations_sha: str
    questions: int
    official_questions: int  # in the official files; 0 where that is not fixed
    predictions_sha: str
    official_scorer: str
    strict_scorer: str
    scorer_code_sha: str
    official_prompts_sha: str
    prompt_sha: str | None
    frames: int | None
    pixels: int | None
    context_tokens: float | None
    model: str | None
    adapter: str | None
    judge: str | None
    run_seed: int | None
    media_missing: int | None  # videos or pictures that are not on disk; null where nobody looked
    missing_allowed: int
    official: Counts
    strict: Counts
    resampling: dict[str, float]
    software: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether all official questions were asked and answered."""
        whole = self.official_questions in (0, self.questions)
        return whole and not self.strict.missing and not self.media_missing

    @property
    def sha(self) -> str:
        """A name for all of this."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Difference(NamedTuple):
    """A condition under which two scores were not made alike, or of which one of them says nothing."""

    field: str
    first: str
    second: str


def issue(
    benchmark: BenchmarkConfig,
    answers: Sequence[Answer],
    *,
    annotations: Path,
    predictions: Path,
    run: Run,
    media_missing: int | None,
    missing_allowed: int,
    resampling: dict[str, float],
) -> Passport:
    """The passport of these answers."""
    questions = [answer.question for answer in answers]
    return Passport(
        benchmark=benchmark.name,
        settings=benchmark.model_dump(mode="json", exclude={"name"}),
        annotations_sha=reading.digest(annotations),
        questions=len(questions),
        official_questions=benchmark.size,
        predictions_sha=reading.digest(predictions),
        official_scorer=benchmark.official_id,
        strict_scorer=benchmark.strict_id,
        scorer_code_sha=_code(),
        official_prompts_sha=prompts_sha(benchmark, questions),
        prompt_sha=run.prompt_sha,
        frames=run.frames,
        pixels=run.pixels,
        context_tokens=run.context_tokens,
        model=run.model,
        adapter=run.adapter,
        judge=run.judge,
        run_seed=run.seed,
        media_missing=media_missing,
        missing_allowed=missing_allowed,
        official=count(answers, "official"),
        strict=count(answers, "strict"),
        resampling=resampling,
        software={"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    )


def count(answers: Sequence[Answer], scorer: Scorer) -> Counts:
    """What became of the replies."""
    verdicts = [answer.by(scorer) for answer in answers]
    by_status = Counter(verdict.status for verdict in verdicts)
    return Counts(
        total=len(verdicts),
        counted=sum(verdict.counted for verdict in verdicts),
        correct=sum(verdict.correct and verdict.counted for verdict in verdicts),
        answered=by_status["ok"],
        nearest=by_status["nearest"],
        random=by_status["random_fallback"],
        unparsed=by_status["unparsed"],
        empty=by_status["empty"],
        missing=by_status["missing"],
    )


def compare(first: Passport, second: Passport) -> list[Difference]:
    """The conditions that differ, or that one of two scores leaves unsaid; none means they may be laid side by side."""
    differences = []
    for field in Passport.model_fields:
        if field in SUBJECT:
            continue
        one, other = getattr(first, field), getattr(second, field)
        if one != other or one is None:
            differences.append(Difference(field, shown(one), shown(other)))
    return differences


def shown(value: Any) -> str:
    """A condition as it is printed."""
    if value is None:
        return "not said"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def read_run(path: Path) -> Run:
    """What a run says of itself, from a JSON object; a key that it leaves out is not said."""
    said = reading.document(path)
    if not isinstance(said, dict):
        raise ValueError(f"{path} must hold an object with: {', '.join(Run.model_fields)}")
    return Run.model_validate({**dict.fromkeys(Run.model_fields), **said})


def prompts_sha(benchmark: BenchmarkConfig, questions: Sequence[Question]) -> str:
    """A name for the official prompts of all questions, in order."""
    digest = hashlib.sha256()
    for question in questions:
        digest.update(benchmark.prompt(question).encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _code() -> str:
    """A name for what decides a score: the sources of the benchmarks."""
    folder = Path(__file__).parents[1] / "benchmarks"
    parts = [f"{file.name} {reading.digest(file)}" for file in sorted(folder.glob("*.py"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
