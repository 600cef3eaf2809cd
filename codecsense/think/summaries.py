"""Summaries of each modality: written, judged, looked at by people, and the rejected written again.

Batch by batch, as the paper has it [1]: what people remark on one batch is in the system prompt of the next, and of the
stronger teacher who writes this batch's rejected summaries again.

References:
    [1] HippoVLM, CVPR 2026: the Hippo-Think engine.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from codecsense.think import prompts
from codecsense.think.asking import Answer, Desk, Rejection
from codecsense.think.prompts import Summary, Verdict
from codecsense.think.rejects import Rejected
from codecsense.think.review import Item
from codecsense.think.reviewers import Reviewer
from codecsense.think.teachers import Request, Teacher
from codecsense.think.transcribers import Cue

MODALITIES = ("visual", "audio")
SLACK_S = 0.5  # a line may end this much after the video: clocks of containers and tracks differ
SEEDS_PER_ROUND = 1000


class Video(NamedTuple):
    """A video as teachers are told of it."""

    video_id: str
    path: str  # within the corpus
    duration_s: float
    has_audio: bool
    cues: tuple[Cue, ...]


@dataclass(frozen=True)
class Staff:
    """Who does the work, and where people find theirs."""

    desk: Desk
    teacher: Teacher
    stronger: Teacher
    judge: Teacher
    reviewer: Reviewer
    pictures: Callable[[str, int], tuple[bytes, ...]]  # so many JPEGs of a video
    reviews: Path


class Rules(NamedTuple):
    """The numbers of the loop."""

    batch: int
    rounds: int
    most_remarks: int
    seed: int


@dataclass(frozen=True)
class Draft:
    """One attempt at a summary, and what was said of it."""

    summary_id: str
    video: Video
    modality: str
    round: int
    written: Answer[Summary]
    parents: tuple[str, ...]
    judged: Answer[Verdict] | None  # nothing where the judge had no answer
    reviewed: bool | None  # nothing where nobody was shown it
    remark: str

    @property
    def accepted(self) -> bool:
        """By judge and reviewer."""
        return bool(self.reviewed)


class Wanted(NamedTuple):
    """A summary that is still to be written."""

    video: Video
    modality: str
    earlier: str  # the summary that was rejected, if there is one

    @property
    def item(self) -> str:
        return f"{self.video.video_id}/{self.modality}"


class Written(NamedTuple):
    """All attempts, and what came to nothing."""

    drafts: list[Draft]
    rejects: list[Rejected]
    remarks: list[str]


def write(videos: Sequence[Video], staff: Staff, rules: Rules) -> Written:
    """Summaries of every modality that the videos have."""
    drafts: list[Draft] = []
    rejects: list[Rejected] = []
    remarks: Counter[str] = Counter()
    for number, first in enumerate(range(0, len(videos), rules.batch)):
        batch = videos[first : first + rules.batch]
        rejects += [_silent(video) for video in batch if not video.has_audio]
        wanted = [Wanted(video, modality, "") for video in batch for modality in _modalities(video)]
        for round_ in range(rules.rounds):
            made, failed = _attempt(wanted, staff, rules, round_=round_, remarks=_foremost(remarks, rules))
            staff.desk.meet()
            made = _review(made, staff, f"batch_{number:05d}_round_{round_}")
            remarks.update(draft.remark for draft in made if draft.remark)
            drafts += made
            wanted, lost = _left(wanted, made, failed)
            if not wanted:
                break
        rejects += lost
    return Written(drafts, rejects, _foremost(remarks, rules))


def _modalities(video: Video) -> Iterator[str]:
    yield from (modality for modality in MODALITIES if modality == "visual" or video.has_audio)


def _silent(video: Video) -> Rejected:
    return Rejected(f"{video.video_id}/audio", video.video_id, "summarise", "silent", "the video has no sound")


def _foremost(remarks: Counter[str], rules: Rules) -> list[str]:
    """The most frequent remarks; equally frequent ones in the order of the alphabet."""
    return sorted(remarks, key=lambda remark: (-remarks[remark], remark))[: rules.most_remarks]


def _attempt(
    wanted: Sequence[Wanted], staff: Staff, rules: Rules, *, round_: int, remarks: Sequence[str]
) -> tuple[list[Draft], dict[str, Rejected]]:
    """One attempt at each summary, judged; and what has no summary or no verdict."""
    teacher = staff.teacher if round_ == 0 else staff.stronger
    seed = rules.seed + SEEDS_PER_ROUND * round_
    requests = [_summary_request(each, staff, teacher, remarks, seed) for each in wanted]
    written = staff.desk.ask(teacher, requests, Summary, _within({each.item: each.video for each in wanted}))
    failed, drafts = {}, []
    for each in wanted:
        outcome = written[each.item]
        if isinstance(outcome, Rejection):
            failed[each.item] = Rejected(each.item, each.video.video_id, "summarise", *outcome)
            continue
        name = f"{each.item}/{round_}-{outcome.key[:12]}"
        parents = (each.earlier,) if each.earlier else ()
        drafts.append(Draft(name, each.video, each.modality, round_, outcome, parents, None, None, ""))
    judged = staff.desk.ask(staff.judge, [_judge_request(draft, staff, seed) for draft in drafts], Verdict)
    for place, draft in enumerate(drafts):
        outcome_ = judged[draft.summary_id]
        if isinstance(outcome_, Rejection):
            item = f"{draft.video.video_id}/{draft.modality}"
            failed[item] = Rejected(item, draft.video.video_id, "judge", *outcome_)
        else:
            drafts[place] = _judged(draft, outcome_)
    return drafts, failed


def _judged(draft: Draft, judged: Answer[Verdict]) -> Draft:
    return replace(draft, judged=judged)


def _summary_request(each: Wanted, staff: Staff, teacher: Teacher, remarks: Sequence[str], seed: int) -> Request:
    video, modality = each.video, each.modality
    return Request(
        item=each.item,
        step="summarise",
        video_id=video.video_id,
        system=prompts.summarise_system(modality, remarks),
        text=prompts.summarise_text(modality, video.duration_s, video.cues),
        shape=prompts.shape(Summary),
        subject={"modality": modality},
        pictures=staff.pictures(video.video_id, teacher.num_pictures) if modality == "visual" else (),
        seed=seed,
    )


def _judge_request(draft: Draft, staff: Staff, seed: int) -> Request:
    video, lines = draft.video, draft.written.value.lines
    return Request(
        item=draft.summary_id,
        step="judge",
        video_id=video.video_id,
        system=prompts.judge_system(draft.modality),
        text=prompts.judge_text(draft.modality, video.duration_s, video.cues, lines),
        shape=prompts.shape(Verdict),
        subject={"modality": draft.modality, "texts": [line.text for line in lines]},
        pictures=staff.pictures(video.video_id, staff.judge.num_pictures) if draft.modality == "visual" else (),
        seed=seed,
    )


def _within(videos: Mapping[str, Video]) -> Callable[[Request, Summary], str]:
    """What is wrong with the times of a summary."""

    def check(request: Request, value: Summary) -> str:
        end_s = videos[request.item].duration_s + SLACK_S
        for line in value.lines:
            if not line.start_s < line.end_s <= end_s:
                return f"a line from {line.start_s:g} to {line.end_s:g} s is not within the video of {end_s:g} s"
        return ""

    return check


def _review(drafts: Sequence[Draft], staff: Staff, batch: str) -> list[Draft]:
    """The same drafts; those that the judge accepted have been looked at."""
    shown = [draft for draft in drafts if draft.judged is not None and draft.judged.value.accept]
    if not shown:
        return list(drafts)
    said = staff.reviewer.review(staff.reviews, batch, [_item(draft) for draft in shown])
    reviewed = {
        name: replace(draft, reviewed=said[name].accept, remark=said[name].remark)
        for draft in shown
        for name in [draft.summary_id]
    }
    return [reviewed.get(draft.summary_id, draft) for draft in drafts]


def _item(draft: Draft) -> Item:
    assert draft.judged is not None
    return Item(
        item_id=draft.summary_id,
        video_id=draft.video.video_id,
        video=draft.video.path,
        modality=draft.modality,
        lines=tuple(draft.written.value.lines),
        transcript=prompts.transcript(draft.video.cues),
        judge_reason=draft.judged.value.reason,
    )


def _left(
    wanted: Sequence[Wanted], drafts: Sequence[Draft], failed: Mapping[str, Rejected]
) -> tuple[list[Wanted], list[Rejected]]:
    """What has to be written again, and why: the next round's work, or, after the last, the rejects."""
    by_item = {f"{draft.video.video_id}/{draft.modality}": draft for draft in drafts}
    left, why = [], []
    for each in wanted:
        draft = by_item.get(each.item)
        if draft is not None and draft.accepted:
            continue
        left.append(each._replace(earlier=draft.summary_id if draft is not None else each.earlier))
        why.append(failed[each.item] if each.item in failed else _reason(each, draft))
    return left, why


def _reason(each: Wanted, draft: Draft | None) -> Rejected:
    assert draft is not None
    assert draft.judged is not None
    if not draft.judged.value.accept:
        reason = draft.judged.value.reason or "the judge gave no reason"
        return Rejected(each.item, each.video.video_id, "judge", "rejected", reason)
    return Rejected(each.item, each.video.video_id, "review", "rejected", draft.remark)
