"""Questions and captions as token ids, by clip, and the seeded choice of what a training step asks.

A text is `question ? answer <end>` or `describe part one : caption <end>`; the answer and the end are learned.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl
import torch
from transformers import PreTrainedTokenizerBase

from codecsense.sequence import Text

PARTS = ("one", "two", "three")
VERBS = {"visual": "describe", "audio": "listen"}
WORDS = (*PARTS, *VERBS.values(), "part", ":")


class Question(NamedTuple):
    """A question of one clip, as a text and as what the tables call it."""

    text: Text
    type: str
    interval: int


class ClipTexts(NamedTuple):
    """Everything that can be asked of one clip."""

    questions: list[Question]
    captions: dict[str, list[Text]]


class Menu(NamedTuple):
    """What a training step takes of every clip."""

    questions: Mapping[str, int]  # how many of each type
    captions: Mapping[str, int]  # how many of each modality


def ids(tokenizer: PreTrainedTokenizerBase, words: str) -> list[int]:
    """Token ids of some words; a word the tokenizer does not know is an error, never silently `<unknown>`."""
    found: list[int] = tokenizer(words, add_special_tokens=False)["input_ids"]
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in found:
        raise ValueError(f"the host's tokenizer does not know a word of {words!r}")
    return found


def caption_prompt(modality: str, interval: int) -> str:
    """What asks for the caption of an interval."""
    return f"{VERBS[modality]} part {PARTS[interval]} :"


def by_clip(
    tokenizer: PreTrainedTokenizerBase, clips: Sequence[str], questions: pl.DataFrame, captions: pl.DataFrame
) -> list[ClipTexts]:
    """The texts of each clip, in the order of `clips`."""
    known: dict[str, list[int]] = {}

    def encode(words: str) -> list[int]:
        if words not in known:
            known[words] = ids(tokenizer, words)
        return known[words]

    end = [tokenizer.eos_token_id]
    texts = {clip: ClipTexts([], {modality: [] for modality in VERBS}) for clip in clips}
    for row in questions.filter(pl.col("clip_id").is_in(list(clips))).iter_rows(named=True):
        text = Text(encode(row["text"]), encode(row["answer"]) + end)
        texts[row["clip_id"]].questions.append(Question(text, row["type"], row["interval"]))
    for row in captions.filter(pl.col("clip_id").is_in(list(clips))).iter_rows(named=True):
        prompt = encode(caption_prompt(row["modality"], row["interval"]))
        texts[row["clip_id"]].captions[row["modality"]].append(Text(prompt, encode(row["text"]) + end))
    return [texts[clip] for clip in clips]


def choose(clip: ClipTexts, menu: Menu, generator: torch.Generator) -> list[Text]:
    """The questions and captions that this step asks of this clip, drawn without repetition."""
    drawn: list[Text] = []
    for type_, count in menu.questions.items():
        drawn += _draw([question.text for question in clip.questions if question.type == type_], count, generator)
    for modality, count in menu.captions.items():
        drawn += _draw(clip.captions[modality], count, generator)
    return drawn


def _draw(pool: list[Text], count: int, generator: torch.Generator) -> list[Text]:
    order = torch.randperm(len(pool), generator=generator)[:count]
    return [pool[index] for index in order.tolist()]
