"""Accepted summaries cut into stretches, and the tasks that predict one modality from the other [1].

VAS: the whole video and the sound of now are given, the sound a while ahead or back is asked for. AVS: the whole
sound and the frames of now, and it asks for what is seen. A task exists where both stretches have something said
of them and the other modality has a summary at all: what is given must be worth listening to, or looking at.

References:
    [1] HippoVLM, CVPR 2026: HippoSense. Ten seconds ahead or back in the paper.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from codecsense.think.summaries import Draft

KINDS = {"audio": "vas", "visual": "avs"}
ASKED = {"audio": "What is heard", "visual": "What is seen"}
EDGE_S = 1e-6


class Segment(NamedTuple):
    """What is said of one stretch of one modality."""

    segment_id: str
    summary_id: str
    video_id: str
    modality: str
    number: int
    start_s: float
    end_s: float
    text: str


class Prediction(NamedTuple):
    """What is asked of one modality at another time."""

    task_id: str
    video_id: str
    kind: str
    shift_s: float
    now_start_s: float
    now_end_s: float
    start_s: float
    end_s: float
    question: str
    answer: str
    parents: list[str]


def cut(draft: Draft, segment_s: float) -> list[Segment]:
    """The stretches of a summary; a line belongs to the one that holds its middle."""
    said: dict[int, list[str]] = defaultdict(list)
    for line in draft.written.value.lines:
        middle_s = min((line.start_s + line.end_s) / 2, draft.video.duration_s - EDGE_S)
        said[max(0, int(middle_s / segment_s))].append(line.text)
    return [
        Segment(
            segment_id=f"{draft.summary_id}/{number:04d}",
            summary_id=draft.summary_id,
            video_id=draft.video.video_id,
            modality=draft.modality,
            number=number,
            start_s=number * segment_s,
            end_s=min((number + 1) * segment_s, draft.video.duration_s),
            text=" ".join(texts),
        )
        for number, texts in sorted(said.items())
    ]


def predict(segments: Sequence[Segment], *, segment_s: float, shift_s: float) -> list[Prediction]:
    """Every task that these segments allow, `shift_s` ahead and back; it is rounded to whole segments."""
    steps = max(1, round(shift_s / segment_s))
    known = {(each.video_id, each.modality, each.number): each for each in segments}
    present = {(each.video_id, each.modality) for each in segments}
    tasks = []
    for now in segments:
        other = "visual" if now.modality == "audio" else "audio"
        if (now.video_id, other) not in present:
            continue
        for step in (steps, -steps):
            target = known.get((now.video_id, now.modality, now.number + step))
            if target is not None:
                tasks.append(_task(now, target, step * segment_s))
    return tasks


def _task(now: Segment, target: Segment, shift_s: float) -> Prediction:
    when = f"{abs(shift_s):.2f} s {'after' if shift_s > 0 else 'before'} {now.start_s:.2f}-{now.end_s:.2f} s"
    return Prediction(
        task_id=f"{now.segment_id}{'+' if shift_s > 0 else '-'}",
        video_id=now.video_id,
        kind=KINDS[now.modality],
        shift_s=shift_s,
        now_start_s=now.start_s,
        now_end_s=now.end_s,
        start_s=target.start_s,
        end_s=target.end_s,
        question=f"{ASKED[now.modality]} {when}?",
        answer=target.text,
        parents=[now.segment_id, target.segment_id],
    )
