"""Rivals on one host, in one table: accuracy, what the host reads and keeps, and time to the first token and after it.

All questions of a clip are asked of one reading of it, as the rivals that do not look at questions allow; latency is
measured with one question at a time, from pictures to first token and per token after that.
"""

import copy
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

import polars as pl
import torch
from jaxtyping import Int
from pydantic import model_validator
from torch import Tensor

from codecsense.baselines import Rival, Shown, Tally, View, Watched, layers
from codecsense.clips import Clips, moments
from codecsense.config import Annotated, Config, SerializeAsAny, pick
from codecsense.evaluation.statistics import Resampling, accuracy
from codecsense.hosts import Host
from codecsense.model import CodecSense
from codecsense.progress import track
from codecsense.texts import Encoder

DID = "did: "  # before the counters of a line


class RivalsConfig(Config):
    """Section `rivals` of params.yaml."""

    split: str
    clips: int  # the first ones of the split; all of it costs ten times as much
    types: list[str]  # of the questions
    answer_tokens: int  # longest answer
    timed: int  # clips of which one question is asked alone, for latency
    timed_tokens: int  # that are decoded after the first
    draws: int  # of the intervals
    confidence: float
    checkpoints: dict[str, str]  # the runs that rivals are tried on, by the name that they give as `checkpoint`
    tried: list[Annotated[SerializeAsAny[Rival], pick("codecsense.baselines")]]

    @model_validator(mode="after")
    def _lines_can_be_told_apart(self) -> "RivalsConfig":
        """Two lines of one title would be one, and a checkpoint that nobody named cannot be tried on."""
        titles = [rival.title for rival in self.tried]
        if len(set(titles)) < len(titles):
            raise ValueError(f"`tried` holds one line twice: {sorted({t for t in titles if titles.count(t) > 1})}")
        strange = sorted({rival.checkpoint for rival in self.tried} - set(self.checkpoints))
        if strange:
            raise ValueError(f"no checkpoint {strange[0]!r}; `checkpoints` names: {', '.join(self.checkpoints)}")
        return self


class Response(NamedTuple):
    """What was said to some questions of one clip, and what it took."""

    tokens: Int[Tensor, "questions tokens"]
    context_tokens: int  # read before the question
    entries: float  # of the memory when the answer begins, per head: the mean over layers
    first_token_s: float
    per_token_s: float  # after the first


class Tried(NamedTuple):
    """One rival's answers as rows of the table `answers`, and what is said of it in the table of rivals."""

    answers: pl.DataFrame
    line: dict[str, float]


def compete(
    rival: Rival, model: CodecSense, clips: Clips, questions: pl.DataFrame, settings: RivalsConfig, *, seed: int
) -> Tried:
    """One rival on some clips; ValueError if what makes it one never happened."""
    encode, tally = Encoder(model.host.tokenizer), Counter[str]()
    rows: list[dict[str, object]] = []
    responses = []
    for place, clip in enumerate(track(clips.ids, label=f"rivals: {rival.title}")):
        view = view_of(clips, place)
        items = questions.filter(pl.col("clip_id") == clip).to_dicts()
        replies, own = ask(model, rival, view, [encode(item["text"]) for item in items], settings.answer_tokens, tally)
        responses += own
        context = own[0].context_tokens
        rows += [_row(item, rival.title, reply, context) for item, reply in zip(items, replies, strict=True)]
    if not tally[rival.fires]:
        raise ValueError(f"rival `{rival.name}` did nothing: {rival.fires} stayed at 0 in {len(clips)} clips")
    answers = pl.DataFrame(rows)
    line = _scores(answers, settings, seed=seed)
    line["context_tokens"] = sum(row.context_tokens for row in responses) / len(responses)
    line["entries"] = sum(row.entries for row in responses) / len(responses)
    did = {name: count / len(answers) for name, count in sorted(tally.items())}
    if rival.ratio is not None:
        name, above, below = rival.ratio
        did[name] = tally[above] / tally[below]
    return Tried(answers, line | {f"{DID}{name}": value for name, value in did.items()})


def view_of(clips: Clips, place: int) -> View:
    """One clip as rivals see it."""
    return View(moments(clips.store, [clips.ids[place]])[0], clips.anchors, clips.batch(torch.tensor([place])))


def ask(
    model: CodecSense,
    rival: Rival,
    view: View,
    questions: Sequence[list[int]],
    new_tokens: int,
    tally: Tally,
) -> tuple[list[str], list[Response]]:
    """The replies to all questions about one clip, in order; questions of one length are asked side by side."""
    read = None
    if not rival.reads_questions:
        once = Counter[str]()
        shown = rival.show(model, view, [], once)
        read = shown, rival.read(model.host, shown, once)
        tally.update({name: count * len(questions) for name, count in once.items()})
    order = sorted(range(len(questions)), key=lambda number: len(questions[number]))
    replies, responses = [""] * len(questions), []
    for _, alike in groupby(order, key=lambda number: len(questions[number])):
        some = list(alike)
        response = respond(model, rival, view, [questions[number] for number in some], new_tokens, tally, read)
        said = model.host.tokenizer.batch_decode([_to_end(model.host, tokens) for tokens in response.tokens])
        for number, text in zip(some, said, strict=True):
            replies[number] = text.strip()
        responses.append(response)
    return replies, responses


def respond(
    model: CodecSense,
    rival: Rival,
    view: View,
    questions: Sequence[list[int]],
    new_tokens: int,
    tally: Tally,
    read: tuple[Shown, Watched] | None = None,
    *,
    to_the_end: bool = False,
) -> Response:
    """Greedy replies to questions of one length, of a reading of the clip or from its pictures on.

    `to_the_end` goes on behind the end of a reply: a token costs what it costs, whatever it is.
    """
    host, begun = model.host, time.perf_counter()
    if read is None:
        shown = rival.show(model, view, questions, tally)
        read = shown, rival.read(host, shown, tally)
    shown, watched = read
    memory, attended = copy.deepcopy(watched.memory), watched.attended
    if len(shown.ids) < len(questions):
        memory.batch_repeat_interleave(len(questions))
        attended = [looked.repeat_interleave(len(questions), 0) for looked in attended]
    words = torch.tensor(questions)
    behind = shown.positions.amax((0, 2)).expand(len(questions)) + 1
    looked = host.extend(words[:, :-1], _at(behind, 0, words.shape[1] - 1, shown), memory=memory, watched=rival.watches)
    rival.settle(memory, shown, _added(attended, looked.attention), tally)
    entries = sum(layer.keys.shape[2] for layer in layers(memory)) / len(layers(memory))
    logits = host.extend(words[:, -1:], _at(behind, words.shape[1] - 1, 1, shown), memory=memory).logits
    first = _greedy(host, logits, also_ends=False)
    ready = time.perf_counter()
    said = [first]
    for number in range(1, new_tokens):
        place = _at(behind, words.shape[1] - 1 + number, 1, shown)
        logits = host.extend(said[-1][:, None], place, memory=memory).logits
        following = _greedy(host, logits, also_ends=not to_the_end)
        ended = said[-1] == host.specials.end
        said.append(torch.where(ended, host.specials.end, following))
    done = time.perf_counter()
    per_token = (done - ready) / (new_tokens - 1) if new_tokens > 1 else 0.0
    return Response(torch.stack(said, 1), shown.ids.shape[1], entries, ready - begun, per_token)


def _to_end(host: Host, tokens: Int[Tensor, " tokens"]) -> list[int]:
    """The tokens of a reply before its end."""
    said: list[int] = tokens.tolist()
    return said[: said.index(host.specials.end)] if host.specials.end in said else said


def latencies(
    entrants: Sequence[tuple[Rival, CodecSense]], clips: Clips, questions: pl.DataFrame, settings: RivalsConfig
) -> dict[str, dict[str, float]]:
    """By title: medians over clips, one question each, alone: from pictures to first token, and each token after it.

    All rivals take turns on every clip, so that what else the machine does falls on all of them.
    """
    encode, found = Encoder(entrants[0][1].host.tokenizer), defaultdict[str, list[Response]](list)
    for place in range(min(settings.timed, len(clips))):
        asked = [encode(questions.filter(pl.col("clip_id") == clips.ids[place])["text"][0])]
        view = view_of(clips, place)
        for rival, model in entrants:
            said = respond(model, rival, view, asked, 1 + settings.timed_tokens, Counter(), to_the_end=True)
            found[rival.title].append(said)
    return {
        title: {
            "first_token_ms": 1000 * median(response.first_token_s for response in responses),
            "per_token_ms": 1000 * median(response.per_token_s for response in responses),
        }
        for title, responses in found.items()
    }


def rows(lines: dict[str, dict[str, float]], types: Sequence[str]) -> list[list[str]]:
    """All rivals as the cells of a table, its head first; what each has done stands last."""
    head = ["rival", *types, "context tokens", "entries kept", "first token, ms", "per token, ms", "did, per question"]
    found = [head]
    for name, line in lines.items():
        shares = [f"{100 * line[t]:.1f} [{100 * line[f'{t}, low']:.1f}, {100 * line[f'{t}, high']:.1f}]" for t in types]
        did = ", ".join(f"{key.removeprefix(DID)} {value:.1f}" for key, value in line.items() if key.startswith(DID))
        costs = [f"{line[key]:.1f}" for key in ("context_tokens", "entries", "first_token_ms", "per_token_ms")]
        found.append([name, *shares, *costs, did])
    return found


def as_markdown(table: list[list[str]]) -> str:
    """The cells as a table in Markdown."""
    head, *lines = table
    ruled = [head, [":--", *["--:"] * (len(head) - 2), ":--"], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled) + "\n"


def _at(behind: Int[Tensor, " rows"], first: int, count: int, shown: Shown) -> Int[Tensor, "axes rows count"]:
    """Positions of words behind what is shown; alike along every axis, as of any text."""
    steps = behind[:, None] + first + torch.arange(count)
    return steps.expand(len(shown.positions), -1, -1)


def _added(before: list[Tensor], looked: list[Tensor]) -> list[Tensor]:
    """How much every entry was looked at by what is shown and by the question together."""
    sums = [attention.sum(-2) for attention in looked]
    for own, sum_ in zip(before, sums, strict=True):
        sum_[..., : own.shape[-1]] += own
    return sums


def _greedy(host: Host, logits: Tensor, *, also_ends: bool) -> Int[Tensor, " rows"]:
    """The most likely token that may be said; an answer does not begin with its end."""
    silent = [token for token in host.specials if not (also_ends and token == host.specials.end)]
    logits = logits.clone()
    logits[:, silent] = -torch.inf
    return logits.argmax(-1).cpu()


def _scores(answers: pl.DataFrame, settings: RivalsConfig, *, seed: int) -> dict[str, float]:
    """Accuracy by type, with an interval over clips."""
    found: dict[str, float] = {}
    resampling = Resampling(draws=settings.draws, seed=seed, confidence=settings.confidence)
    for type_ in settings.types:
        own = answers.filter(pl.col("type") == type_)
        estimate = accuracy(own["correct"].to_numpy(), own["clip_id"].to_numpy(), resampling)
        found |= {type_: estimate.value, f"{type_}, low": estimate.low, f"{type_}, high": estimate.high}
        found[f"{type_}, questions"] = len(own)
    return found


def _row(item: dict[str, object], run: str, reply: str, context: int) -> dict[str, object]:
    same = {name: item[name] for name in ("question_id", "clip_id", "type", "kind")}
    said = {"gold": item["answer"], "response": reply, "predicted": reply, "correct": reply == item["answer"]}
    return {"run": run, "mode": "direct", **same, **said, "context_tokens": context}
