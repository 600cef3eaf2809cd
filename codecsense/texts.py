"""Questions and captions as token ids, by clip, and the seeded choice of what a training step asks.

A text is `question ? answer <end>` or `describe part one : caption <end>`; the answer and the end are learned.
Two-stage answering [1] has three more: `look question ?` and `hear question ?` ask each sense for what matters to the
question, and `saw ... heard ... ask question ?` asks for thought, evidence and answer in tags.

References:
    [1] HippoVLM, CVPR 2026: two-stage inference.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import polars as pl
import torch

from codecsense.sequence import Text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Item = TypeVar("Item")

PARTS = ("one", "two", "three")
VERBS = {"visual": "describe", "audio": "listen"}
NOTHING = "nothing"  # stands where a summary is masked
TAGS = ("<think>", "</think>", "<info>", "</info>", "<answer>", "</answer>")
WORDS = (*PARTS, *VERBS.values(), "part", ":", "look", "hear", "saw", "heard", "ask", NOTHING, *TAGS)


class Question(NamedTuple):
    """A question of one clip, as a text and as what the tables call it."""

    text: Text
    type: str
    interval: int


class Menu(NamedTuple):
    """What a training step takes of every clip."""

    questions: Mapping[str, int]  # how many of each type
    captions: Mapping[str, int]  # how many of each modality
    reasoned: int = 0  # questions answered in two stages


def clips_of(captions: pl.DataFrame, split: str) -> list[str]:
    """The clips of a split that have texts, in order."""
    return captions.filter(pl.col("split") == split)["clip_id"].unique().sort().to_list()


def ids(tokenizer: "PreTrainedTokenizerBase", words: str) -> list[int]:
    """Token ids of some words; a word the tokenizer does not know is an error, never silently `<unknown>`."""
    found: list[int] = tokenizer(words, add_special_tokens=False)["input_ids"]
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in found:
        raise ValueError(f"the host's tokenizer does not know a word of {words!r}")
    return found


def caption_prompt(modality: str, interval: int) -> str:
    """What asks for the caption of an interval."""
    return f"{VERBS[modality]} part {PARTS[interval]} :"


def look_prompt(question: str) -> str:
    """What asks the eyes for a summary directed at the question."""
    return f"look {question}"


def hear_prompt(question: str) -> str:
    """What asks the ears for a summary directed at the question."""
    return f"hear {question}"


def reason_prompt(question: str, seen: str, heard: str) -> str:
    """What asks for the answer, given both summaries; a masked one is `nothing`."""
    return f"saw {seen} heard {heard} ask {question}"


def reply(think: str, info: str, answer: str) -> str:
    """A well-formed answer of the second stage."""
    return f"<think> {think} </think> <info> {info} </info> <answer> {answer} </answer>"


class Encoder:
    """Words to ids, each distinct text only once."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self.tokenizer = tokenizer
        self.known: dict[str, list[int]] = {}

    def __call__(self, words: str) -> list[int]:
        if words not in self.known:
            self.known[words] = ids(self.tokenizer, words)
        return self.known[words]

    def text(self, prompt: str, answer: str) -> Text:
        """A prompt and an answer with its end."""
        return Text(self(prompt), [*self(answer), self.tokenizer.eos_token_id])


class Reasoned(NamedTuple):
    """One question in two stages, encoded when it is asked: most are never drawn, and they hold most of the words."""

    encode: Encoder
    question: str
    seen: str  # the visual summary
    heard: str
    answer: str  # in tags

    @property
    def look(self) -> Text:
        """What the eyes are asked for."""
        return self.encode.text(look_prompt(self.question), self.seen)

    @property
    def hear(self) -> Text:
        """What the ears are asked for."""
        return self.encode.text(hear_prompt(self.question), self.heard)

    def reason(self, *, seen: bool = True, heard: bool = True) -> Text:
        """The answer from both summaries, or with one masked."""
        summaries = self.seen if seen else NOTHING, self.heard if heard else NOTHING
        return self.encode.text(reason_prompt(self.question, *summaries), self.answer)


class ClipTexts(NamedTuple):
    """Everything that can be asked of one clip."""

    questions: list[Question]
    captions: dict[str, list[Text]]
    reasoned: list[Reasoned]
    parts: dict[str, dict[int, Text]]  # the same captions by the interval that they are of


def by_clip(
    tokenizer: "PreTrainedTokenizerBase",
    clips: Sequence[str],
    *,
    questions: pl.DataFrame,
    captions: pl.DataFrame,
    rationales: pl.DataFrame,
) -> list[ClipTexts]:
    """The texts of each clip, in the order of `clips`."""
    encode, wanted = Encoder(tokenizer), pl.col("clip_id").is_in(list(clips))
    texts = {clip: ClipTexts([], {each: [] for each in VERBS}, [], {each: {} for each in VERBS}) for clip in clips}
    for row in questions.filter(wanted).iter_rows(named=True):
        question = Question(encode.text(row["text"], row["answer"]), row["type"], row["interval"])
        texts[row["clip_id"]].questions.append(question)
    for row in captions.filter(wanted).iter_rows(named=True):
        text = encode.text(caption_prompt(row["modality"], row["interval"]), row["text"])
        texts[row["clip_id"]].captions[row["modality"]].append(text)
        texts[row["clip_id"]].parts[row["modality"]][row["interval"]] = text
    asked = rationales.filter(wanted).join(questions.select("question_id", "text", "answer"), on="question_id")
    for row in asked.sort("question_id").iter_rows(named=True):
        answer = reply(row["think"], row["info"], row["answer"])
        texts[row["clip_id"]].reasoned.append(
            Reasoned(encode, row["text"], row["summary_visual"], row["summary_audio"], answer)
        )
    return [texts[clip] for clip in clips]


def choose(clip: ClipTexts, menu: Menu, generator: torch.Generator) -> list[Text]:
    """The questions and captions that this step asks of this clip, drawn without repetition."""
    drawn: list[Text] = []
    for type_, count in menu.questions.items():
        drawn += _draw([question.text for question in clip.questions if question.type == type_], count, generator)
    for modality, count in menu.captions.items():
        drawn += _draw(clip.captions[modality], count, generator)
    for reasoned in _draw(clip.reasoned, menu.reasoned, generator):
        which = int(torch.randint(4, (), generator=generator))
        drawn += [reasoned.look, reasoned.hear, reasoned.reason(heard=which != 0, seen=which != 1)]
    return drawn


def _draw(pool: list[Item], count: int, generator: torch.Generator) -> list[Item]:
    order = torch.randperm(len(pool), generator=generator)[:count]
    return [pool[index] for index in order.tolist()]
