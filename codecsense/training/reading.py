"""Third lesson of host pre-training: the language model learns to answer, from words, then from pictures and placed facts.

A step's clips come in one of four forms (`Form`): facts in words; pictures with facts in the motion and sound slots; the same without
sound; pictures alone, with static questions. The lesson ends when facts placed for *validation* clips are read well enough.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.sequence import Layout, Packed, Prefix, Text, pack, prefix
from codecsense.texts import PARTS, ClipTexts, Encoder, Menu, choose
from codecsense.training.lessons import LessonConfig, Teaching, teach
from codecsense.training.losses import answer_loss
from codecsense.training.placed_facts import PlacedConfig, PlacedFacts, slots

Form = Literal["words", "moving_and_sounding", "moving", "still"]


class MenuConfig(Config):
    """What is asked of a clip in one form."""

    share: float  # of the steps after `text_steps`
    questions: dict[str, int]  # of each type
    captions: dict[str, int]  # of each modality
    reasoned: int  # in two stages


class ReadingConfig(LessonConfig):
    """The language model's lesson."""

    text_steps: int  # first steps, on facts in words alone
    menus: dict[Form, MenuConfig]
    check_every: int  # steps between checks on validation
    check_questions: int  # hidden-motion questions per validation clip
    enough: float  # accuracy on placed facts of validation at which the lesson ends
    placed: PlacedConfig


class Reading(NamedTuple):
    """What the language model learns from: texts, facts in words, pictures, placed facts."""

    texts: Sequence[ClipTexts]
    words: Sequence[list[int]]
    tower: Float[Tensor, "clips patches width"]  # of all anchors
    placed: PlacedFacts


class Reader:
    """A host reading clips in any of the four forms."""

    def __init__(self, host: Host, layout: Layout, placed: PlacedConfig) -> None:
        self.host = host
        self.placed = placed
        self.sound_tokens = layout.audio_tokens
        silent = layout.model_copy(update={"audio_tokens": 0})
        still = silent.model_copy(update={"motion_tokens": 0})
        self.starts: dict[Form, Prefix] = {
            form: host.place(prefix(shown, host.specials), grid=layout.grid)
            for form, shown in {"moving_and_sounding": layout, "moving": silent, "still": still}.items()
        }

    def read(
        self, read: Reading, rows: Int[Tensor, " batch"], form: Form, menu: Menu, generator: torch.Generator
    ) -> tuple[Packed, Tensor]:
        """The texts that the menu asks of these clips, and the host's scores."""
        texts = [choose(read.texts[row], menu, generator) for row in rows.tolist()]
        if form == "words":
            packed = self._pack([self._in_words(read.words[row]) for row in rows.tolist()], texts)
            return packed, self.host.logits(packed, pictures=None, injected=[])
        packed = self._pack([self.starts[form]] * len(rows), texts)
        table = self.host.bare.get_input_embeddings().weight
        motion, sound = slots(
            table, read.placed, rows, sound_tokens=self.sound_tokens, settings=self.placed, generator=generator
        )
        injected = [(self.host.specials.motion_pad, motion), (self.host.specials.audio_pad, sound)]
        wanted = {"moving_and_sounding": injected, "moving": injected[:1], "still": []}[form]
        return packed, self.host.logits(packed, pictures=read.tower[rows].float(), injected=wanted)

    def _in_words(self, words: list[int]) -> Prefix:
        ids = torch.tensor(words)
        return self.host.place(Prefix(ids, torch.zeros_like(ids)), grid=1)

    def _pack(self, starts: Sequence[Prefix], texts: Sequence[Sequence[Text]]) -> Packed:
        return pack(starts, texts, pad=self.host.tokenizer.pad_token_id)


def teach_reading(
    host: Host, train: Reading, validation: Reading, layout: Layout, lesson: ReadingConfig, teaching: Teaching
) -> list[dict[str, float]]:
    """The language model learns to answer until it reads placed facts well enough; returns its curve."""
    reader = Reader(host, layout, lesson.placed)
    weights = {f"host.{name}": weight for name, weight in host.bare.named_parameters()}
    for name, weight in host.tower.named_parameters():
        weights = {key: value for key, value in weights.items() if value is not weight}
    forms: list[Form] = [form for form in lesson.menus if form != "words"]
    shares = torch.tensor([lesson.menus[form].share for form in forms])

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        rows = torch.randint(len(train.texts), (lesson.batch,), generator=generator)
        form = forms[int(torch.multinomial(shares, 1, generator=generator))]
        form = "words" if number < lesson.text_steps else form
        packed, logits = reader.read(train, rows, form, _menu(lesson.menus[form]), generator)
        return answer_loss(logits, packed.labels), {"form": float(list(lesson.menus).index(form))}

    def until(number: int) -> bool:
        due = number >= lesson.text_steps and (number + 1) % lesson.check_every == 0
        return due and read_placed(reader, validation, lesson) >= lesson.enough

    return teach(step, weights, lesson, teaching, name="reading", until=until)


@torch.no_grad()
def read_placed(reader: Reader, validation: Reading, lesson: ReadingConfig) -> float:
    """Accuracy on hidden-motion questions of validation clips, whose facts stand in the slots."""
    generator = torch.Generator().manual_seed(0)
    right = total = 0
    for rows in torch.arange(len(validation.texts)).split(lesson.batch):
        menu = Menu({"hidden": lesson.check_questions}, {})
        packed, logits = reader.read(validation, rows, "moving", menu, generator)
        asked = (packed.labels[:, 1:] >= 0) & (packed.labels[:, 1:] != reader.host.specials.end)
        right += int((logits[:, :-1].argmax(-1) == packed.labels[:, 1:])[asked].sum())
        total += int(asked.sum())
    print(f"host: reading: {right / total:.3f} of placed facts on validation", flush=True)
    return right / total


def _menu(menu: MenuConfig) -> Menu:
    return Menu(menu.questions, menu.captions, menu.reasoned)


def facts_in_words(encode: Encoder, told: Mapping[str, Sequence[str]]) -> list[int]:
    """The captions of every interval, modality by modality, as one text: `part one : ... high n2 part two : ...`."""
    by_part = zip(*told.values(), strict=True)
    return encode(" ".join(f"part {PARTS[n]} : {' '.join(words)}" for n, words in enumerate(by_part)))
