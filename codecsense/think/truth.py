"""What is wrong with what was said of a micro-world clip, and how well judge, reviewer and consensus found it.

Only the micro world can be asked for the truth; nothing here is used to choose data, only to measure the choice.
"""

from collections.abc import Iterable, Sequence

from codecsense.think.prompts import Line, Thought
from codecsense.world import NUM_INTERVALS
from codecsense.world.questions import Clip, Question, audio_caption, visual_caption
from codecsense.world.rationales import rationale

FIELDS = {"visual": ("colour", "shape", "kind", "direction", "count", ""), "audio": ("pitch", "beeps")}
CAPTIONS = {"visual": visual_caption, "audio": audio_caption}


def lines_of(clip: Clip, modality: str, interval_s: float) -> list[Line]:
    """The true summary."""
    return [
        Line(start_s=number * interval_s, end_s=(number + 1) * interval_s, text=CAPTIONS[modality](clip, number))
        for number in range(NUM_INTERVALS)
    ]


def wrong_fields(clip: Clip, modality: str, texts: Sequence[str]) -> list[str]:
    """Which kinds of fact a summary has wrong, each once; `lines` where it does not have the right number of them."""
    if len(texts) != NUM_INTERVALS:
        return ["lines"]
    names = FIELDS[modality]
    wrong = []
    for number, text in enumerate(texts):
        told, true = text.split(), CAPTIONS[modality](clip, number).split()
        if len(told) != len(true):
            return ["lines"]
        wrong += [names[place % len(names)] for place, (a, b) in enumerate(zip(told, true, strict=True)) if a != b]
    return list(dict.fromkeys(wrong))


def true_thought(clip: Clip, question: Question) -> Thought:
    """The true reasoning for a question about one moment."""
    told = rationale(clip, question)
    return Thought(think=told.think, info=told.info, answer=question.answer)


def found(pairs: Iterable[tuple[bool, bool]]) -> dict[str, float]:
    """Precision and recall of a search, from (was it chosen, should it have been) of each item.

    A share of nothing is left out rather than called 0 or 1.
    """
    pairs = list(pairs)
    both = sum(chosen and right for chosen, right in pairs)
    num_chosen, num_right = sum(chosen for chosen, _ in pairs), sum(right for _, right in pairs)
    counts: dict[str, float] = {"items": len(pairs), "chosen": num_chosen, "right": num_right}
    shares = {"precision": (both, num_chosen), "recall": (both, num_right)}
    return counts | {name: part / whole for name, (part, whole) in shares.items() if whole}
