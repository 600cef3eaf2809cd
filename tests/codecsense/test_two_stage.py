"""Answers in two stages, answers in a word, and the unimodal baselines: tables as their schemas want them."""

from copy import copy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tiny_twins
import torch

from codecsense.clips import Batch, Clips
from codecsense.evaluation import answering, blind
from codecsense.evaluation.answering import (
    EvaluateConfig,
    Posed,
    answer_directly,
    answer_in_two_stages,
    first_words,
    summary,
)
from codecsense.evaluation.blind import BlindConfig, baselines
from codecsense.evaluation.shortcuts import answer_deprived, conflicts
from codecsense.model import CodecSense
from codecsense.schemas import answers as answers_table
from codecsense.schemas import blind as blind_table
from codecsense.schemas import shortcuts as shortcuts_table
from codecsense.texts import NOTHING, Encoder
from codecsense.two_stage import Asked, Cache, Meter, Summaries, TwoStage, reason, say, summarise

SHORT = TwoStage(apart=False, summary_tokens=3, reply_tokens=4, batch=4)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return tiny_twins.clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def model() -> CodecSense:
    """A model that says many things."""
    made = tiny_twins.model()
    for weight in made.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(weight.numel()))
    return made.eval()


@pytest.fixture(scope="module")
def questions() -> pl.DataFrame:
    return tiny_twins.tables().questions


def test_every_question_gets_one_row_each_way(model: CodecSense, clips: Clips, questions: pl.DataFrame, tmp_path: Path):
    shuffled = questions.sample(fraction=1.0, shuffle=True, seed=1)
    joint = questions.filter(pl.col("type") == "joint")
    direct = answer_directly(model, clips, shuffled, run="full", batch=4)
    reasoned, told = answer_in_two_stages(model, clips, joint, SHORT, run="full")
    table = pl.concat([direct, reasoned])
    answers_table.write(table, tmp_path / "answers.parquet")
    assert answers_table.read(tmp_path / "answers.parquet").height == len(questions) + len(joint)
    gold = dict(questions.select("question_id", "answer").iter_rows())
    assert all(gold[row["question_id"]] == row["gold"] for row in table.iter_rows(named=True))
    assert (table["correct"] == (table["predicted"] == table["gold"])).all()
    assert table["context_tokens"].unique().to_list() == [model.context_tokens]
    assert len(told) == len(joint)
    means = summary(table)
    assert set(means) == {"direct", "two_stage"}
    assert means["direct"]["joint"] == direct.filter(pl.col("type") == "joint")["correct"].mean()


def test_an_answer_does_not_depend_on_its_neighbours(model: CodecSense, clips: Clips, questions: pl.DataFrame):
    together = answer_directly(model, clips, questions, run="full", batch=6)
    for batch, some in ((1, questions), (6, questions[3:5])):
        apart = answer_directly(model, clips, some, run="full", batch=batch)
        same = together.join(apart, on="question_id").select(pl.col("predicted") == pl.col("predicted_right"))
        assert same.to_series().all()
        assert len(same) == len(some)


def test_a_first_word_is_the_first_token_of_greedy_decoding(model: CodecSense, clips: Clips):
    prompt = Encoder(model.host.tokenizer)("what did it do ?")
    rows = torch.arange(4)
    words = first_words(model, clips, rows, [[prompt]] * 4)
    said = model.generate(clips.batch(rows), [prompt] * 4, max_new_tokens=1)
    assert words == [word.strip() for word in model.host.tokenizer.batch_decode(said)]


def test_replies_come_in_the_order_of_their_prompts(model: CodecSense, clips: Clips):
    prompts = [(5, "what ?"), (0, "what did it do ?"), (3, "what ?"), (1, "describe part one :"), (5, "what ?")]
    together = say(model, clips, prompts, 2, 4)
    assert together == [say(model, clips, [prompt], 1, 4)[0] for prompt in prompts]
    assert together[0] == together[4]


def test_samples_stand_beside_their_own_prompt(model: CodecSense, clips: Clips):
    prompts = [(0, "what ?"), (1, "what did it do ?"), (2, "what ?")]
    greedy = say(model, clips, prompts, 3, 4)
    cold = say(model, clips, prompts, 2, 4, samples=2, temperature=1e-5)
    assert cold == [reply for reply in greedy for _ in range(2)]


def test_a_sense_with_nothing_to_say_says_nothing(clips: Clips, model: CodecSense):
    silent = SHORT.model_copy(update={"summary_tokens": 1})
    table = model.host.bare.get_input_embeddings().weight
    told = summarise(model, clips, [Asked(0, "what ?")], silent)
    assert all(part for part in told[0])
    end = model.host.specials.end
    before = table[end].clone()
    with torch.no_grad():
        seen: list[torch.Tensor] = []
        hook = model.host.bare.lm_head.register_forward_pre_hook(lambda module, given: seen.append(given[0][:, -1]))
        summarise(model, clips, [Asked(0, "what ?")], silent)
        hook.remove()
        table[end] = 100 * torch.stack(seen).mean((0, 1))
        quiet = summarise(model, clips, [Asked(0, "what ?")], silent)
        table[end] = before
    assert NOTHING in quiet[0]


def test_baselines_are_shares_of_the_samples(model: CodecSense, clips: Clips, questions: pl.DataFrame, tmp_path: Path):
    joint = questions.filter(pl.col("type") == "joint")
    settings = BlindConfig(prompts=6, samples=3, senses=False, temperature=1.0)
    at_once = SHORT.model_copy(update={"batch": 18})
    one, two = (baselines(model, clips, joint, settings, at_once, seed=0) for _ in range(2))
    assert one.equals(two)
    blind_table.write(one, tmp_path / "blind.parquet")
    assert blind_table.read(tmp_path / "blind.parquet")["question_id"].to_list() == joint["question_id"].to_list()
    shares = one.select("p_visual", "p_audio", "p_both") * 3
    assert all((column == column.round()).all() for column in shares)


def test_pieces_put_together_are_what_comes_out_at_once(model: CodecSense, clips: Clips, questions: pl.DataFrame):
    joint = questions.filter(pl.col("type") == "joint")
    batch = SHORT.model_copy(update={"batch": 2})
    settings = EvaluateConfig(split="test", batch=4, two_stage_questions=3)
    parts = answering.pieces(model, clips, Posed(questions, joint), settings, batch, run="full")
    direct = answer_directly(model, clips, questions, run="full", batch=4)
    reasoned, _ = answer_in_two_stages(model, clips, joint, batch, run="full")
    assert len(parts) > 3
    assert pl.concat([part() for part in parts.values()]).equals(pl.concat([direct, reasoned]))
    drawn = BlindConfig(prompts=6, samples=2, senses=False, temperature=1.0)
    parts = blind.pieces(model, clips, joint, drawn, batch, seed=0)
    assert len(parts) > 1
    assert pl.concat([part() for part in parts.values()]).equals(baselines(model, clips, joint, drawn, batch, seed=0))


ASKED = [Asked(0, "what ?"), Asked(1, "what ?"), Asked(0, "what did it do ?"), Asked(0, "what ?")]


def test_a_summary_is_written_once_for_equal_questions_about_equal_clips(
    model: CodecSense, clips: Clips, tmp_path: Path
):
    """The fourth question is the first again; the second time all four come from disk, and cost nothing."""
    first, again = Meter(), Meter()
    told = summarise(model, clips, ASKED, SHORT, cache=Cache(tmp_path, "weights"), meter=first)
    assert told == summarise(model, clips, ASKED, SHORT)
    assert told[0] == told[3]
    assert len(list(tmp_path.glob("*.json"))) == 2 * 3
    assert summarise(model, clips, ASKED, SHORT, cache=Cache(tmp_path, "weights"), meter=again) == told
    assert again.parts == {}
    prompts = [len(f"{part} {words}".split()) for part in ("look", "hear") for words in ("what ?", "what did it do ?")]
    assert first.parts["look"].read_tokens == 3 * model.context_tokens + 2 * prompts[0] + prompts[1]
    assert first.parts["hear"].seconds > 0


@pytest.mark.parametrize("change", ["weights", "clip", "words", "length", "mask"])
def test_whatever_decides_a_summary_is_in_its_name(change: str, model: CodecSense, clips: Clips, tmp_path: Path):
    cache = Cache(tmp_path, "weights")
    known = cache.file(clips.content(0), "look what ?", 3)
    other = {
        "weights": Cache(tmp_path, "others").file(clips.content(0), "look what ?", 3),
        "clip": cache.file(clips.content(1), "look what ?", 3),
        "words": cache.file(clips.content(0), "hear what ?", 3),
        "length": cache.file(clips.content(0), "look what ?", 4),
        "mask": cache.file(clips.without("audio").content(0), "look what ?", 3),
    }[change]
    assert known != other
    assert known == cache.file(clips.content(0), "look what ?", 3)


def test_senses_apart_know_nothing_of_each_other(model: CodecSense, clips: Clips):
    apart, meter = SHORT.model_copy(update={"apart": True}), Meter()
    told = summarise(model, clips, ASKED, apart, meter=meter)
    deaf, blinded = copy(clips), copy(clips)
    deaf.sound = torch.randn(clips.sound.shape).half()
    blinded.tower, blinded.mv = clips.tower.flip(0), clips.mv.flip(0)
    assert [each.seen for each in summarise(model, deaf, ASKED, apart)] == [each.seen for each in told]
    assert [each.heard for each in summarise(model, blinded, ASKED, apart)] == [each.heard for each in told]
    words = sum(len(f"look {each.question}".split()) for each in ASKED[:3])
    assert meter.parts["look"].read_tokens == 3 * (model.context_tokens - 3 * 2) + words
    assert meter.parts["hear"].read_tokens == 3 * 3 * 2 + words


def test_a_meter_counts_what_is_read_and_said_up_to_the_end(model: CodecSense, clips: Clips):
    meter = Meter()
    replies = reason(model, clips, ASKED, [Summaries("red", "high")] * 4, SHORT, meter=meter)
    spent = meter.parts["reason"]
    assert len(replies) == 4
    assert 4 <= spent.said_tokens <= 4 * SHORT.reply_tokens
    assert spent.read_tokens > 4 * model.context_tokens
    assert meter.lines()[0].startswith("reason: ")


@pytest.mark.parametrize("senses", [False, True])
def test_a_masked_sense_may_leave_the_sequence_as_well(
    senses: bool, model: CodecSense, clips: Clips, questions: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    """What the model is shown in the three settings: without sound, without sight, and all."""
    costs: list[int] = []
    generate = CodecSense.generate

    def counted(own: CodecSense, shown: Batch, prompts: list[list[int]], **ways: object) -> torch.Tensor:
        if ways["samples"] == 2:
            costs.append(len(own.starts(shown)[0].ids))
        return generate(own, shown, prompts, **ways)

    monkeypatch.setattr(CodecSense, "generate", counted)
    joint = questions.filter(pl.col("type") == "joint")[:2]
    baselines(model, clips, joint, BlindConfig(prompts=2, samples=2, senses=senses, temperature=1.0), SHORT, seed=0)
    full, sound = model.context_tokens, 3 * 2
    assert list(dict.fromkeys(costs)) == ([full - sound, sound, full] if senses else [full])


def test_a_shortcut_is_taken_where_one_sense_alone_is_wrong_and_followed():
    """Sight is wrong in the last three; sound says the same in the second, sight says nothing in the third."""
    gold, sight = np.array(["left", "left", "left", "left"]), np.array(["left", "up", "", "down"])
    sound = np.array(["up", "up", "up", "up"])
    assert conflicts(alone=sight, other=sound, gold=gold).tolist() == [False, False, False, True]


def test_answers_with_a_sense_hidden_stand_beside_those_with_all(
    model: CodecSense, clips: Clips, questions: pl.DataFrame, tmp_path: Path
):
    joint = questions.filter(pl.col("type") == "joint")
    found = answer_deprived(model, clips, joint, SHORT, run="full")
    shortcuts_table.write(found, tmp_path / "shortcuts.parquet")
    assert found.group_by("hidden").len().sort("hidden").rows() == [("nothing", 6), ("sight", 6), ("sound", 6)]
    whole, _ = answer_in_two_stages(model, clips, joint, SHORT, run="full")
    assert found.filter(pl.col("hidden") == "nothing")["response"].to_list() == whole["response"].to_list()
    deaf = found.filter(pl.col("hidden") == "sound")["response"].to_list()
    other = copy(clips)
    other.sound = clips.sound.flip(0)
    again = answer_deprived(model, other, joint, SHORT, run="full")
    assert again.filter(pl.col("hidden") == "sound")["response"].to_list() == deaf
