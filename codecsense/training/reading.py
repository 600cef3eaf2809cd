"""Third lesson of host pre-training: the language model learns to answer, from bare facts, then among pictures.

A step's clips come in one of four forms (`Form`): the facts alone, with every empty cell left out; pictures with facts
in the motion and sound slots; the same without sound; pictures alone, with static questions. Looking things up is
learned first, where there is little to look at. The lesson ends when facts placed for *validation* clips are read well.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.sequence import Layout, Packed, Prefix, pack, prefix
from codecsense.texts import ClipTexts, Menu, choose
from codecsense.training.lessons import LessonConfig, Teaching, teach
from codecsense.training.losses import answer_loss
from codecsense.training.placed_facts import PlacedConfig, PlacedFacts, slots

Form = Literal["facts", "moving_and_sounding", "moving", "still"]


class MenuConfig(Config):
    """What is asked of a clip in one form."""

    share: float  # of the steps after `fact_steps`
    questions: dict[str, int]  # of each type
    captions: dict[str, int]  # of each modality
    reasoned: int  # in two stages


class ReadingConfig(LessonConfig):
    """The language model's lesson."""

    fact_steps: int  # first steps, on the facts alone
    menus: dict[Form, MenuConfig]
    check_every: int  # steps between checks on validation
    check_questions: int  # hidden-motion questions per validation clip
    enough: float  # accuracy on placed facts of validation at which the lesson ends
    placed: PlacedConfig


class Reading(NamedTuple):
    """What the language model learns from: texts, pictures, placed facts."""

    texts: Sequence[ClipTexts]
    tower: Float[Tensor, "clips patches width"]  # of all anchors
    placed: PlacedFacts


class Sparse(NamedTuple):
    """Prefixes without empty cells, and the features that are left."""

    starts: Sequence[Prefix]
    pictures: Float[Tensor, "batch things width"]
    motion: Float[Tensor, "batch facts width"]
    sound: Float[Tensor, "batch sounds width"]


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
        table = cast(nn.Embedding, self.host.bare.get_input_embeddings()).weight
        motion, sound = slots(
            table, read.placed, rows, sound_tokens=self.sound_tokens, settings=self.placed, generator=generator
        )
        pictures = read.tower[rows].float()
        starts: Sequence[Prefix] = [self.starts["moving_and_sounding" if form == "facts" else form]] * len(rows)
        if form == "facts":
            starts, pictures, motion, sound = self._sparse(read, rows, motion, sound)
        packed = pack(starts, texts, pad=self.host.tokenizer.pad_token_id)
        injected = [(self.host.specials.motion_pad, motion), (self.host.specials.audio_pad, sound)]
        wanted = {"still": 0, "moving": 1}.get(form, 2)
        return packed, self.host.logits(packed, pictures=pictures, injected=injected[:wanted])

    def _sparse(self, read: Reading, rows: Tensor, motion: Tensor, sound: Tensor) -> Sparse:
        """The whole layout without the cells in which nothing is; every token keeps the position it had."""
        start = self.starts["moving_and_sounding"]
        things, moving = read.placed.things[rows].flatten(1), read.placed.there(rows)
        heard = torch.arange(sound.shape[1]).expand(len(rows), -1) % self.sound_tokens == 0
        keep = torch.ones(len(rows), len(start.ids), dtype=torch.bool)
        for kind, shown in enumerate((things, moving, heard), start=1):
            keep[:, start.kinds == kind] = shown
        starts = [_only(start, kept) for kept in keep]
        features = (read.tower[rows].float(), motion, sound)
        kept = [
            each[shown].unflatten(0, (len(rows), -1))
            for each, shown in zip(features, (things, moving, heard), strict=True)
        ]
        return Sparse(starts, *kept)


def _only(start: Prefix, kept: Bool[Tensor, " length"]) -> Prefix:
    if start.positions is None:
        raise ValueError("a prefix needs its host's positions before it is thinned out")
    return Prefix(start.ids[kept], start.kinds[kept], start.positions[:, kept])


def teach_reading(
    host: Host, train: Reading, validation: Reading, layout: Layout, lesson: ReadingConfig, teaching: Teaching
) -> list[dict[str, float]]:
    """The language model learns to answer until it reads placed facts well enough; returns its curve."""
    reader = Reader(host, layout, lesson.placed)
    weights = _of_language_model(host)
    forms: list[Form] = [form for form in lesson.menus if form != "facts"]
    shares = torch.tensor([lesson.menus[form].share for form in forms])

    def step(number: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        rows = torch.randint(len(train.texts), (lesson.batch,), generator=generator)
        form = forms[int(torch.multinomial(shares, 1, generator=generator))]
        form = "facts" if number < lesson.fact_steps else form
        packed, logits = reader.read(train, rows, form, _menu(lesson.menus[form]), generator)
        return answer_loss(logits, packed.labels), {"form": float(list(lesson.menus).index(form))}

    def until(number: int) -> bool:
        due = number >= lesson.fact_steps and (number + 1) % lesson.check_every == 0
        return due and read_placed(reader, validation, lesson) >= lesson.enough

    return teach(step, weights, lesson, teaching, name="reading", until=until)


def _of_language_model(host: Host) -> dict[str, nn.Parameter]:
    """Its layers. The embedding stays as it was drawn: the tower has learned to speak in those words."""
    others = {id(weight) for weight in host.tower.parameters()}
    others |= {id(weight) for weight in host.bare.get_input_embeddings().parameters()}
    return {f"host.{name}": weight for name, weight in host.bare.named_parameters() if id(weight) not in others}


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
