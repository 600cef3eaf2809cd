"""The promises of `codecsense.baselines`, held by every rival on a random tiny host and made-up clips."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tiny_hosts
import tiny_twins
import torch

from codecsense.baselines import Rival
from codecsense.clips import Clips
from codecsense.config import variants
from codecsense.evaluation.rivals import RivalsConfig, ask, compete, latencies, respond, view_of
from codecsense.model import CodecSense
from codecsense.texts import Encoder

NAMES = variants("codecsense.baselines")
SETTINGS: dict[str, dict[str, Any]] = {
    "motion": {},
    "anchors": {},
    "dense": {"pictures": 7},
    "rgb_difference": {},
    "panel": {"side": 2},
    "look_m": {"pictures": 7, "important": 0.3, "recent": 0.2},
    "hermes": {"pictures": 7, "budget": 8, "forgetting": 0.5, "smoothing": 0.3, "guide": "what did it do ?"},
    "holitom": {"alike": 0.0},
    "qtsplus": {"share": 0.3},
    "vidkv": {"pictures": 7, "wide_channels": 0.5, "value_levels": 3},
    "keyframes": {"pictures": 3},
    "rendered": {"pattern": "IMMR", "brightest_px": 4.0, "brightest_residual": 32.0},
}
IDLE: dict[str, dict[str, Any]] = {  # as they do nothing, all of these are the dense rival
    "panel": {"side": 1},
    "look_m": {"important": 0.6, "recent": 0.4},
    "hermes": {"budget": 28},
    "holitom": {"alike": 1.1},
    "qtsplus": {"share": 1.0},
    "keyframes": {"pictures": 7},
    "rendered": {"pattern": "IIIIIII"},
}
QUESTIONS = ["what did it do ?", "what ?", "what did it do it go ?"]


def section(*tried: dict[str, Any], **changes: Any) -> RivalsConfig:
    values = {"split": "test", "clips": 2, "types": ["joint", "hidden"], "answer_tokens": 2, "timed": 1}
    values |= {
        "timed_tokens": 2,
        "draws": 100,
        "confidence": 0.95,
        "checkpoints": {"any": "full"},
        "tried": list(tried),
    }
    return RivalsConfig.model_validate(values | changes)


def rival(name: str, **changes: Any) -> Rival:
    return section({"name": name, "checkpoint": "any"} | SETTINGS[name] | changes).tried[0]


@pytest.fixture(scope="module")
def model() -> CodecSense:
    """Its weights are large, so that it says different things of different clips."""
    own = tiny_twins.model(audio__tokens=0)
    own.host = tiny_hosts.built("qwen2_5_vl")
    return own.eval()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"), 3)


def said(model: CodecSense, tried: Rival, clips: Clips, place: int = 0) -> tuple[list[str], Counter[str]]:
    encode, tally = Encoder(model.host.tokenizer), Counter[str]()
    replies, _ = ask(model, tried, view_of(clips, place), [encode(text) for text in QUESTIONS], 3, tally)
    return replies, tally


def test_every_rival_is_tried_here():
    assert set(SETTINGS) == set(NAMES), "say here with which values a new rival is tried"


@pytest.mark.parametrize("name", NAMES)
def test_a_rival_answers_every_question_and_its_mechanism_fires(name: str, model: CodecSense, clips: Clips):
    replies, tally = said(model, rival(name), clips)
    assert len(replies) == len(QUESTIONS)
    assert all(replies)
    assert tally[rival(name).fires] > 0


@pytest.mark.parametrize("name", ["look_m", "hermes", "qtsplus"])
def test_questions_asked_together_are_answered_as_alone(name: str, model: CodecSense, clips: Clips):
    encode, tried, view = Encoder(model.host.tokenizer), rival(name), view_of(clips, 0)
    together, _ = said(model, tried, clips)
    for text, reply in zip(QUESTIONS, together, strict=True):
        assert ask(model, tried, view, [encode(text)], 3, Counter())[0] == [reply]


@pytest.mark.parametrize("name", IDLE)
def test_a_rival_that_does_nothing_says_what_the_dense_one_says_and_is_refused(
    name: str, model: CodecSense, clips: Clips
):
    idle, dense = rival(name, **IDLE[name]), rival("dense")
    for place in range(3):
        assert said(model, idle, clips, place)[0] == said(model, dense, clips, place)[0]
    questions = tiny_twins.tables(3, split="test").questions
    if not said(model, idle, clips)[1][idle.fires]:
        with pytest.raises(ValueError, match=f"rival `{name}` did nothing: {idle.fires} stayed at 0"):
            compete(idle, model, clips, questions, section(), seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_rival_sees_its_own_clip(name: str, model: CodecSense, clips: Clips):
    assert len({tuple(said(model, rival(name), clips, place)[0]) for place in range(3)}) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_the_table_says_what_is_read_kept_and_done(name: str, model: CodecSense, clips: Clips):
    tried = rival(name)
    questions = tiny_twins.tables(3, split="test").questions
    found = compete(tried, model, clips, questions, section(), seed=0)
    assert found.answers.height == 6
    assert 0 < found.line["entries"] <= found.line["context_tokens"] + 8
    assert found.line[f"did: {tried.fires}"] > 0
    assert found.line["hidden, low"] <= found.line["hidden"] <= found.line["hidden, high"]


def test_the_model_that_rivals_are_rivals_of_says_what_it_says_in_evaluation(model: CodecSense, clips: Clips):
    from codecsense.clips import encode_tower, moments
    from codecsense.evaluation.answering import answer_directly

    seen = encode_tower(model.host, moments(clips.store, clips.ids))
    clips = Clips(clips.ids, tiny_twins.features(3)._replace(tower=seen), clips.store)
    questions = tiny_twins.tables(3, split="test").questions
    usual = answer_directly(model, clips, questions, run="motion", batch=2)
    found = compete(rival("motion"), model, clips, questions, section(answer_tokens=1), seed=0).answers
    both = usual.join(found, on="question_id")
    assert both["predicted"].to_list() == both["predicted_right"].to_list()
    assert both["context_tokens"].to_list() == both["context_tokens_right"].to_list()


@pytest.mark.parametrize("host_name", ["qwen3_vl", "internvl3", "llava_onevision"])
@pytest.mark.parametrize("name", ["look_m", "hermes", "holitom"])
def test_rivals_run_on_every_host(name: str, host_name: str, clips: Clips):
    model = tiny_twins.model(host=tiny_twins.HOSTS[host_name], adapter__streams=[], audio__tokens=0).eval()
    model.host = tiny_hosts.built(host_name)
    replies, tally = said(model, rival(name), clips)
    assert all(replies)
    assert tally[rival(name).fires] > 0


@pytest.mark.parametrize("host_name", tiny_twins.HOSTS)
def test_a_host_that_reads_in_stretches_scores_as_one_that_reads_at_once(host_name: str):
    from codecsense.baselines import remember

    host = tiny_hosts.built(host_name)
    packed, (pictures, injected) = tiny_hosts.packed(host), tiny_hosts.features(host, 2)
    start = tiny_hosts.start_of(host)
    asked = torch.tensor([tiny_hosts.words(host, "what did it do ?")] * 2)
    behind = start.positions.max() + 1 + torch.arange(asked.shape[1])
    memory = remember()
    for watched in (False, True):
        memory = remember()
        host.extend(
            start.ids.expand(2, -1),
            start.positions[:, None].expand(-1, 2, -1),
            memory=memory,
            pictures=pictures,
            injected=injected,
            watched=watched,
        )
        read = host.extend(asked, behind.expand(len(start.positions), 2, -1), memory=memory, watched=watched)
        whole = host.logits(packed, pictures=pictures, injected=injected)
        last = len(start.ids) + asked.shape[1] - 1
        torch.testing.assert_close(read.logits, whole[:, last], rtol=1e-4, atol=1e-4)
        for looked in read.attention:
            torch.testing.assert_close(looked.sum(-1), torch.ones_like(looked[..., 0]))
    assert len(read.attention) == len(memory.layers)


def test_two_lines_of_one_title_and_an_unknown_checkpoint_are_refused():
    line = {"name": "anchors", "checkpoint": "any"}
    with pytest.raises(ValueError, match="holds one line twice"):
        section(line, line)
    with pytest.raises(ValueError, match="no checkpoint 'other'; `checkpoints` names: any"):
        section(line | {"checkpoint": "other"})


def test_latency_is_of_one_question_from_pictures_on(model: CodecSense, clips: Clips):
    encode = Encoder(model.host.tokenizer)
    view, asked = view_of(clips, 0), [encode(QUESTIONS[0])]
    response = respond(model, rival("dense"), view, asked, 4, Counter(), to_the_end=True)
    assert response.tokens.shape == (1, 4)
    assert response.first_token_s > response.per_token_s > 0


def test_latency_is_told_of_every_rival(model: CodecSense, clips: Clips):
    questions = tiny_twins.tables(3, split="test").questions
    entrants = [(rival("dense"), model), (rival("anchors"), model)]
    found = latencies(entrants, clips, questions, section())
    assert set(found) == {"dense", "anchors"}
    assert all(line["first_token_ms"] > line["per_token_ms"] > 0 for line in found.values())


def test_the_table_has_a_line_for_every_rival():
    from codecsense.evaluation.rivals import as_markdown, rows

    line = dict.fromkeys(["a", "a, low", "a, high", "context_tokens", "entries", "first_token_ms", "per_token_ms"], 0.5)
    text = as_markdown(rows({"one": line | {"did: tokens merged": 3.0}, "two": line}, ["a"]))
    assert "| one | 50.0 [50.0, 50.0] | 0.5 | 0.5 | 0.5 | 0.5 | tokens merged 3.0 |" in text
    assert len(text.splitlines()) == 4


def test_answers_of_rivals_meet_the_table_of_answers(model: CodecSense, clips: Clips, tmp_path: Path):
    from codecsense.schemas import answers

    questions = tiny_twins.tables(3, split="test").questions
    found = compete(rival("anchors"), model, clips, questions, section(), seed=0).answers
    answers.write(found, tmp_path / "answers.parquet", stage="rivals")
    assert answers.read(tmp_path / "answers.parquet")["run"].unique().to_list() == ["anchors"]
    assert isinstance(found, pl.DataFrame)
