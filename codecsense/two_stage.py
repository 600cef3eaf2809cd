"""Two-stage inference: first each sense sums up what matters to the question, then the answer comes from both [1].

What was summed up once is not summed up again: equal questions about equal clips share their summaries within a call,
and across calls where a cache is given. A meter says what each part took.

References:
    [1] HippoVLM, CVPR 2026: two-stage inference pipeline.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from codecsense.clips import SENSES, Clips
from codecsense.config import Config
from codecsense.model import CodecSense
from codecsense.progress import track
from codecsense.texts import NOTHING, Encoder, hear_prompt, look_prompt, reason_prompt

PARTS = {"look": (look_prompt, "sound"), "hear": (hear_prompt, "sight")}  # what asks, and the other sense


class TwoStage(Config):
    """How much may be said in each stage, and how many questions run at once."""

    apart: bool  # each summary from its own sense alone, as in the paper; the other's tokens are out of the sequence
    summary_tokens: int
    reply_tokens: int
    batch: int


class Asked(NamedTuple):
    """A question about the clip in this row."""

    row: int
    question: str


class Summaries(NamedTuple):
    """What each sense says is worth knowing."""

    seen: str
    heard: str

    def without(self, sense: str) -> "Summaries":
        """The same with `nothing` in place of what `sight` or `sound` says."""
        return self._replace(**{{"sight": "seen", "sound": "heard"}[sense]: NOTHING})


class Spent(NamedTuple):
    """What one part took: `look`, `hear` or `reason`. What came from a cache took nothing."""

    seconds: float
    read_tokens: int  # clip and prompt, once for all samples
    said_tokens: int  # up to the end of each reply


class Meter:
    """Adds up what every part took."""

    def __init__(self) -> None:
        self.parts: dict[str, Spent] = {}

    def add(self, part: str, spent: Spent) -> None:
        """Count this, too."""
        seconds, read, said = self.parts.get(part, Spent(0.0, 0, 0))
        self.parts[part] = Spent(seconds + spent.seconds, read + spent.read_tokens, said + spent.said_tokens)

    def lines(self) -> list[str]:
        """One line per part, for people."""
        return [
            f"{part}: {spent.seconds:.2f} s, {spent.read_tokens} tokens read, {spent.said_tokens} said"
            for part, spent in self.parts.items()
        ]


class Cache:
    """Summaries on disk, by content: files named by everything that decides what is said.

    `model` names the weights (`checkpoints.fingerprint`); the clip counts by what the model is shown of it.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self.model = model
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, clip: str, words: str, most_tokens: int) -> Path:
        """Where the summary that `words` ask of a clip of this content is."""
        parts = json.dumps([self.model, clip, words, most_tokens])
        return self.folder / f"{hashlib.sha256(parts.encode()).hexdigest()}.json"

    @staticmethod
    def read(file: Path) -> str | None:
        """The summary in `file`, if it is there."""
        return str(json.loads(file.read_text(encoding="utf-8"))["said"]) if file.is_file() else None

    @staticmethod
    def write(file: Path, words: str, said: str) -> None:
        """Keep a summary, whole or not at all."""
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps({"asked": words, "said": said}), encoding="utf-8")
        partial.replace(file)


def summarise(
    model: CodecSense,
    clips: Clips,
    asked: Sequence[Asked],
    settings: TwoStage,
    *,
    cache: Cache | None = None,
    meter: Meter | None = None,
) -> list[Summaries]:
    """The first stage for each question, greedily; an empty summary becomes `nothing`."""
    told = []
    for part, (prompt, other) in PARTS.items():
        shown = clips.without(*SENSES[other]) if settings.apart else clips
        wanted = [(item.row, prompt(item.question)) for item in asked]
        known = {} if cache is None else _recalled(cache, shown, wanted, settings)
        new = [each for each in dict.fromkeys(wanted) if each not in known]
        said = say(model, shown, new, settings.batch, settings.summary_tokens, part=part, meter=meter)
        known |= dict(zip(new, said, strict=True))
        if cache is not None:
            for (row, words), summary in zip(new, said, strict=True):
                cache.write(cache.file(shown.content(row), words, settings.summary_tokens), words, summary)
        told.append([known[each] for each in wanted])
    return [Summaries(seen or NOTHING, heard or NOTHING) for seen, heard in zip(*told, strict=True)]


def _recalled(
    cache: Cache, clips: Clips, wanted: Sequence[tuple[int, str]], settings: TwoStage
) -> dict[tuple[int, str], str]:
    content = {row: clips.content(row) for row in {row for row, _ in wanted}}
    found = {each: cache.read(cache.file(content[each[0]], each[1], settings.summary_tokens)) for each in set(wanted)}
    return {each: summary for each, summary in found.items() if summary is not None}


def reason(
    model: CodecSense,
    clips: Clips,
    asked: Sequence[Asked],
    told: Sequence[Summaries],
    settings: TwoStage,
    *,
    meter: Meter | None = None,
) -> list[str]:
    """The second stage, greedily: thought, evidence and answer in their tags."""
    prompts = [
        (item.row, reason_prompt(item.question, summary.seen, summary.heard))
        for item, summary in zip(asked, told, strict=True)
    ]
    return say(model, clips, prompts, settings.batch, settings.reply_tokens, part="reason", meter=meter)


def say(
    model: CodecSense,
    clips: Clips,
    prompts: Sequence[tuple[int, str]],
    batch: int,
    max_new_tokens: int,
    *,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    part: str = "saying",
    meter: Meter | None = None,
) -> list[str]:
    """What the model says after each (clip row, words) prompt; `samples` replies each, in order."""
    encode, said = Encoder(model.host.tokenizer), []
    batches = [prompts[start : start + batch] for start in range(0, len(prompts), batch)]
    for number, some in enumerate(track(batches, label=part)):
        began = time.perf_counter()
        shown = clips.batch(torch.tensor([row for row, _ in some]))
        ids = [encode(words) for _, words in some]
        out = model.generate(
            shown, ids, max_new_tokens=max_new_tokens, samples=samples, temperature=temperature, seed=seed + number
        )
        said += model.host.tokenizer.batch_decode(out, skip_special_tokens=True)
        if meter is not None:
            read = sum(len(start.ids) for start in model.starts(shown)) + sum(map(len, ids))
            meter.add(part, Spent(time.perf_counter() - began, read, _said(out, model.host.specials.end)))
    return said


def _said(out: torch.Tensor, end: int) -> int:
    """Tokens of all replies, the end of each included."""
    before = (out == end).cumsum(1) - (out == end).long()
    return int((before == 0).sum())
