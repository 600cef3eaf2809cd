"""How much was made, what it cost, and, where the truth is known, how well each filter worked."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from codecsense.think import truth
from codecsense.think.asking import Answer
from codecsense.think.engine import Made
from codecsense.think.summaries import Draft
from codecsense.think.teachers import Known


def counts(made: Made) -> dict[str, Any]:
    """What was made and what it took; a reply that serves several items counts once."""
    drafts, sampled = made.written.drafts, made.reasoned.sampled
    answers: list[Answer[Any]] = [draft.written for draft in drafts]
    answers += [draft.judged for draft in drafts if draft.judged is not None]
    answers += [sample for each in sampled for sample in each.samples]
    costs = {answer.key: answer.cost for answer in answers}
    chosen = made.reasoning.filter("balanced")
    return {
        "summaries": {"written": len(drafts), "accepted": sum(draft.accepted for draft in drafts)},
        "segments": made.segments.height,
        "predictions": dict(sorted(Counter(made.predictions["kind"]).items())),
        "reasoning": {
            "asked": len(sampled),
            "not_asked": dict(sorted(made.not_asked.items())),
            "agreed": made.reasoning.height,
            "balanced": dict(sorted(Counter(chosen["category"]).items())),
        },
        "rejects": dict(sorted(Counter(f"{row[0]}_{row[1]}" for row in made.rejects["step", "kind"].rows()).items())),
        "replies": {
            "count": len(costs),
            "tokens": sum(cost.tokens for cost in costs.values()),
            "money": round(sum(cost.money for cost in costs.values()), 6),
        },
    }


def against_truth(made: Made, known: Known) -> dict[str, Any]:
    """What each filter found of what it should have found; only for what the embedded teacher wrote."""
    drafts = made.written.drafts
    wrong = {draft.summary_id: _is_wrong(draft, known) for draft in drafts}
    judged = [(draft, draft.judged.value.accept) for draft in drafts if draft.judged is not None]
    return {
        "wrong_share_by_round": {
            str(number): _share(wrong[draft.summary_id] for draft in drafts if draft.round == number)
            for number in sorted({draft.round for draft in drafts})
        },
        "wrong_share_of_accepted": _share(wrong[draft.summary_id] for draft in drafts if draft.accepted),
        "judge": truth.found((not accepts, wrong[draft.summary_id]) for draft, accepts in judged),
        "review": truth.found(
            (not draft.reviewed, wrong[draft.summary_id]) for draft in drafts if draft.reviewed is not None
        ),
        "consensus": truth.found(_consensus(made, known)),
        "one_sample": truth.found(_one_sample(made, known)),
    }


def _is_wrong(draft: Draft, known: Known) -> bool:
    texts = [line.text for line in draft.written.value.lines]
    return bool(truth.wrong_fields(known.clips[draft.video.video_id], draft.modality, texts))


def _consensus(made: Made, known: Known) -> Iterable[tuple[bool, bool]]:
    """Of every question: was it kept, and is its first sample true in all it says?"""
    for asked, samples, kept in made.reasoned.sampled:
        if samples:
            true = truth.true_thought(known.clips[asked.video_id], known.questions[asked.question_id])
            yield kept is not None, samples[0].value == true


def _one_sample(made: Made, known: Known) -> Iterable[tuple[bool, bool]]:
    """The same for a filter that looks at one sample's answer only: what consensus has to beat."""
    for asked, samples, _ in made.reasoned.sampled:
        if samples:
            true = truth.true_thought(known.clips[asked.video_id], known.questions[asked.question_id])
            yield samples[0].value.answer == asked.answer, samples[0].value == true


def _share(flags: Iterable[bool]) -> float:
    flags = list(flags)
    return sum(flags) / len(flags) if flags else 0.0
