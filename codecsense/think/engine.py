"""The whole engine over some videos and questions: tables of what was made, of what was not, and how good both are."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from codecsense.schemas import from_rows
from codecsense.schemas.think_predictions import Predictions
from codecsense.schemas.think_reasoning import Reasoning
from codecsense.schemas.think_rejects import Rejects
from codecsense.schemas.think_segments import Segments
from codecsense.schemas.think_summaries import Summaries
from codecsense.think import prompts, reasoning, segments, summaries
from codecsense.think.asking import Answer
from codecsense.think.reasoning import Asked, Reasoned
from codecsense.think.rejects import Rejected
from codecsense.think.settings import ThinkConfig
from codecsense.think.summaries import Draft, Rules, Staff, Video, Written
from codecsense.think.teachers import Teacher

UNANSWERED = {"refused", "invalid", "unavailable", "unsuitable"}


class Question(NamedTuple):
    """A question about a video, with its right answer."""

    question_id: str
    video_id: str
    kind: str
    text: str
    options: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Made:
    """What the engine made; tables as `codecsense.schemas` describes them."""

    summaries: pl.DataFrame
    segments: pl.DataFrame
    predictions: pl.DataFrame
    reasoning: pl.DataFrame
    rejects: pl.DataFrame
    written: Written
    reasoned: Reasoned
    not_asked: Counter[str]  # questions that were not put, by reason


def run(
    videos: Sequence[Video],
    questions: Sequence[Question],
    staff: Staff,
    reasoner: Teacher,
    config: ThinkConfig,
    *,
    seed: int,
) -> Made:
    """Make it all; ValueError where the budget ends, people are waited for, or too much is left unanswered."""
    rules = Rules(config.batch, config.rounds, config.most_remarks, seed)
    written = summaries.write(videos, staff, rules)
    _stop_if_broke(written.rejects)
    accepted = {(draft.video.video_id, draft.modality): draft for draft in written.drafts if draft.accepted}
    asked, not_asked = _asked(questions, accepted, config)
    reasoned = reasoning.reason(asked, staff.desk, reasoner, config.reasoning, seed=seed)
    _stop_if_broke(reasoned.rejects)
    rejects = [*written.rejects, *reasoned.rejects]
    _stop_if_unanswered(rejects, len(written.drafts) + len(asked), config)
    cut = [each for draft in accepted.values() for each in segments.cut(draft, config.segment_s)]
    tasks = segments.predict(cut, segment_s=config.segment_s, shift_s=config.shift_s)
    return Made(
        summaries=from_rows(Summaries, [_summary_row(draft) for draft in written.drafts]),
        segments=from_rows(Segments, [each._asdict() for each in cut]),
        predictions=from_rows(Predictions, [task._asdict() for task in tasks]),
        reasoning=_reasoning_table(reasoned, config, seed=seed),
        rejects=from_rows(Rejects, [each._asdict() for each in rejects]),
        written=written,
        reasoned=reasoned,
        not_asked=not_asked,
    )


def _asked(
    questions: Iterable[Question], accepted: Mapping[tuple[str, str], Draft], config: ThinkConfig
) -> tuple[list[Asked], Counter[str]]:
    """The questions that have a category and both summaries, and how many were left out for which reason.

    Of a video at most so many are put, the kinds by turns.
    """
    waiting: dict[str, dict[str, list[Asked]]] = {}
    left_out: Counter[str] = Counter()
    for each in questions:
        seen, heard = accepted.get((each.video_id, "visual")), accepted.get((each.video_id, "audio"))
        category = config.reasoning.categories.get(each.kind)
        if seen is None or heard is None or category is None:
            left_out["without_category" if category is None else "without_both_summaries"] += 1
            continue
        asked = Asked(each.question_id, each.video_id, category, each.text, each.options, each.answer, seen, heard)
        waiting.setdefault(each.video_id, {}).setdefault(each.kind, []).append(asked)
    chosen = []
    for piles in waiting.values():
        longest = max(map(len, piles.values()))
        turns = [pile[turn] for turn in range(longest) for pile in piles.values() if turn < len(pile)]
        chosen += turns[: config.reasoning.most_per_video]
        left_out["beyond_most_per_video"] += len(turns[config.reasoning.most_per_video :])
    return chosen, left_out


def _stop_if_broke(rejects: Sequence[Rejected]) -> None:
    broke = [each for each in rejects if each.kind == "budget"]
    if broke:
        remedy = "raise `think.limits` and run `dvc repro think`; what is paid for is kept"
        raise ValueError(f"{broke[0].reason}; {len(broke)} items are left; {remedy}")


def _stop_if_unanswered(rejects: Sequence[Rejected], num_asked: int, config: ThinkConfig) -> None:
    left = [each for each in rejects if each.kind in UNANSWERED]
    if len(left) > config.most_unanswered_share * max(num_asked, 1):
        kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(each.kind for each in left).most_common())
        limit = f"more than `most_unanswered_share` {config.most_unanswered_share:g}"
        raise ValueError(f"{len(left)} of {num_asked} items have no answer ({kinds}), {limit}: {left[0].reason}")


def _provenance(answer: Answer[Any], parents: Sequence[str]) -> dict[str, object]:
    made = {"model": answer.model, "prompt_hash": answer.prompt_hash, "seed": answer.seed, "reply": answer.key}
    return made | {"parents": list(parents)}


def _summary_row(draft: Draft) -> dict[str, object]:
    lines, judged = draft.written.value.lines, draft.judged
    parents = [*draft.parents, *([judged.key] if judged is not None else [])]
    return {
        "summary_id": draft.summary_id,
        "video_id": draft.video.video_id,
        "modality": draft.modality,
        "round": draft.round,
        "start_s": [line.start_s for line in lines],
        "end_s": [line.end_s for line in lines],
        "text": [line.text for line in lines],
        "judged": _state(None if judged is None else judged.value.accept),
        "judge_reason": "" if judged is None else judged.value.reason,
        "reviewed": _state(draft.reviewed),
        "remark": draft.remark,
        "accepted": draft.accepted,
        **_provenance(draft.written, parents),
    }


def _state(accepted: bool | None) -> str:
    return {None: "unseen", True: "accepted", False: "rejected"}[accepted]


def _reasoning_table(reasoned: Reasoned, config: ThinkConfig, *, seed: int) -> pl.DataFrame:
    kept = [each for each in reasoned.sampled if each.kept is not None]
    categories = {each.asked.question_id: each.asked.category for each in kept}
    balanced = reasoning.balance(categories, config.reasoning.shares, seed=seed)
    rows = []
    for asked, samples, sample in kept:
        assert sample is not None
        parents = [asked.seen.summary_id, asked.heard.summary_id, *(each.key for each in samples)]
        rows.append(
            {
                "question_id": asked.question_id,
                "video_id": asked.video_id,
                "category": asked.category,
                "question": asked.text,
                "options": list(asked.options),
                "summary_visual": prompts.summary(asked.seen.written.value.lines),
                "summary_audio": prompts.summary(asked.heard.written.value.lines),
                **sample.value.model_dump(),
                "balanced": asked.question_id in balanced,
                **_provenance(sample, parents),
            }
        )
    return from_rows(Reasoning, rows)
