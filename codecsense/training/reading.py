"""Third lesson of the tiny host: its language model learns to answer, from bare facts, then among pictures.

A step's clips come in one of four forms (`Form`): the facts alone, without pictures or empty slots; pictures with facts
in the motion and sound slots; the same without sound; pictures alone, with static questions. Looking things up is
learned first, where there is little to look at. The lesson ends when facts placed for *validation* clips are read well.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, cast

import polars as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from codecsense.clips import Features, Store, at_anchors
from codecsense.config import Config
from codecsense.hosts import Host
from codecsense.sequence import Layout, Prefix, answered, answering, pack, prefix
from codecsense.texts import ClipTexts, Menu, by_clip, choose
from codecsense.training.lessons import LessonConfig, Teaching, teach
from codecsense.training.losses import answer_loss
from codecsense.training.placed_facts import PlacedConfig, PlacedFacts, of_clips, slots

Form = Literal["facts", "moving_and_sounding", "moving", "still"]


class MenuConfig(Config):
    """What is asked of a clip in one form."""

    share: float  # of the steps after `fact_steps`
    questions: dict[str, int]  # of each type
    captions: dict[str, int]  # of each modality
    reasoned: int  # in two stages


class ReadingConfig(LessonConfig):
    """The language model's lesson."""

    sound_tokens: int  # per interval
    fact_steps: int  # first steps, on the facts alone
    menus: dict[Form, MenuConfig]
    check_every: int  # steps between checks on validation
    check_questions: int  # hidden-motion questions per validation clip
    enough: float  # accuracy on placed facts of validation at which the lesson ends
    placed: PlacedConfig


class Tables(NamedTuple):
    """Scripts and texts of the world."""

    facts: pl.DataFrame
    sounds: pl.DataFrame
    questions: pl.DataFrame
    captions: pl.DataFrame
    rationales: pl.DataFrame


class Reading(NamedTuple):
    """What the language model learns from: texts, pictures, placed facts."""

    texts: Sequence[ClipTexts]
    tower: Float[Tensor, "clips anchors patches seen"]  # at every depth that the host reads
    placed: PlacedFacts


def reading_of(host: Host, tables: Tables, ids: Sequence[str], states: Features, store: Store) -> Reading:
    """What there is to read about these clips."""
    texts = by_clip(
        host.tokenizer, ids, questions=tables.questions, captions=tables.captions, rationales=tables.rationales
    )
    tower = at_anchors(ids, states, store)
    return Reading(texts, tower, of_clips(host.tokenizer, ids, tables.facts, tables.sounds, cells=tower.shape[2]))


def layout_of(read: Reading, *, motion_tokens: int, audio_tokens: int) -> Layout:
    """Where these clips' pictures stand, and how many tokens stand between."""
    _, anchors, patches, _ = read.tower.shape
    return Layout(anchors=anchors, grid=round(patches**0.5), motion_tokens=motion_tokens, audio_tokens=audio_tokens)


class Reader:
    """A host reading clips in any of the four forms."""

    def __init__(self, host: Host, layout: Layout, placed: PlacedConfig) -> None:
        self.host = host
        self.placed = placed
        self.sound_tokens = layout.audio_tokens
        self.pad = cast(int, host.tokenizer.pad_token_id)
        silent = layout.model_copy(update={"audio_tokens": 0})
        still = silent.model_copy(update={"motion_tokens": 0})
        self.starts: dict[Form, Prefix] = {
            form: host.place(prefix(shown, host.specials), grid=layout.grid)
            for form, shown in {"moving_and_sounding": layout, "moving": silent, "still": still}.items()
        }

    def read(
        self, read: Reading, rows: Int[Tensor, " batch"], form: Form, menu: Menu, generator: torch.Generator
    ) -> tuple[Int[Tensor, " words"], Float[Tensor, "words vocabulary"]]:
        """The words of the answers that the menu asks of these clips, and the host's scores for each."""
        texts = [choose(read.texts[row], menu, generator) for row in rows.tolist()]
        table = cast(nn.Embedding, self.host.bare.get_input_embeddings()).weight
        motion, sound = slots(
            table, read.placed, rows, sound_tokens=self.sound_tokens, settings=self.placed, generator=generator
        )
        pictures: Tensor | None = read.tower[rows].float().flatten(1, 2)
        if form == "facts":
            pictures, sound = None, sound[:, :: self.sound_tokens]
            motion = motion[read.placed.there(rows)].unflatten(0, (len(rows), -1))
        start = self._close(motion.shape[1], sound.shape[1]) if form == "facts" else self.starts[form]
        packed = pack([start] * len(rows), texts, pad=self.pad)
        injected = [(self.host.specials.motion_pad, motion), (self.host.specials.audio_pad, sound)]
        wanted = {"still": 0, "moving": 1}.get(form, 2)
        logits = self.host.logits(packed, pictures=pictures, injected=injected[:wanted], at=answering(packed))
        return answered(packed), logits

    def _close(self, facts: int, sounds: int) -> Prefix:
        """Nothing but the slots that hold something, side by side."""
        tokens = self.host.specials
        ids = torch.tensor([tokens.motion_pad] * facts + [tokens.audio_pad] * sounds)
        return self.host.place(Prefix(ids, torch.zeros_like(ids)), grid=1)


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
        words, logits = reader.read(train, rows, form, _menu(lesson.menus[form]), generator)
        return answer_loss(logits, words), {"form": float(list(lesson.menus).index(form))}

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
        words, logits = reader.read(validation, rows, "moving", menu, generator)
        asked = words != reader.host.specials.end
        right += int((logits.argmax(-1) == words)[asked].sum())
        total += int(asked.sum())
    print(f"reading: {right / total:.3f} of placed facts on validation", flush=True)
    return right / total


def _menu(menu: MenuConfig) -> Menu:
    return Menu(menu.questions, menu.captions, menu.reasoned)
