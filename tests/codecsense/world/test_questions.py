"""Questions: each has one right answer, which is found here a second time, from the facts and by other means."""

import re
from collections import Counter, defaultdict

import polars as pl
import pytest

from codecsense.schemas import checked
from codecsense.schemas.captions import Captions
from codecsense.schemas.questions import Questions
from codecsense.schemas.rationales import Rationales
from codecsense.world import quiz
from codecsense.world.questions import CELLS, OPTIONS, Actor, Clip, Question, ask
from codecsense.world.quiz import DatasetConfig
from codecsense.world.script import Action
from codecsense.world.vocabulary import words

PARTS = {"one": 0, "two": 1, "three": 2}


@pytest.fixture(scope="module")
def asked(all_clips: list[Clip]) -> list[tuple[Clip, Question]]:
    return [(clip, question) for clip in all_clips for question in ask(clip, seed=0)]


@pytest.fixture(scope="module")
def put(all_clips: list[Clip], dataset: DatasetConfig) -> list[quiz.Put]:
    return quiz.put(all_clips, dataset)


def test_every_question_has_exactly_one_right_answer_and_it_is_the_one_given(asked: list[tuple[Clip, Question]]):
    for clip, question in asked:
        right = {answer for answer in OPTIONS[question.kind] if is_true(clip, question.text, answer)}
        assert right == {question.answer}, (clip, question)


def test_no_question_is_asked_twice_of_a_clip(all_clips: list[Clip]):
    for clip in all_clips[:50]:
        texts = [question.text for question in ask(clip, seed=0)]
        assert len(set(texts)) == len(texts)


def test_static_questions_follow_from_the_anchors_alone(all_clips: list[Clip]):
    """Whatever returning actions are exchanged for others, no static answer changes."""
    still = Action("still")
    for clip in all_clips[:40]:
        actors = [
            actor._replace(actions=tuple(a if a.kind == "go" else still for a in actor.actions))
            for actor in clip.actors
        ]
        calm = clip._replace(actors=tuple(actors))
        assert of_type(clip, "static") == of_type(calm, "static")


def test_audio_questions_do_not_depend_on_the_pictures(all_clips: list[Clip]):
    for clip, other in zip(all_clips[:20], all_clips[20:40], strict=True):
        assert of_type(clip, "audio") == of_type(clip._replace(actors=other.actors), "audio")


def test_joint_questions_name_no_part_and_need_the_sound(all_clips: list[Clip]):
    changed = 0
    for clip in all_clips[:40]:
        turned = clip._replace(pitches=clip.pitches[1:] + clip.pitches[:1])
        assert not any(" part " in question.text for question in ask(clip, seed=0) if question.type == "joint")
        before, after = ({q.text: q.answer for q in of_type(each, "joint")} for each in (clip, turned))
        changed += before != after
    assert changed > 35


def test_anchors_rule_out_nobody_when_a_question_asks_who_or_when(asked: list[tuple[Clip, Question]]):
    for clip, question in asked:
        if question.kind == "who":
            assert all(actor.actions[question.moment].kind != "go" for actor in clip.actors)
        if question.kind == "when":
            colour = re.search(r"part did (\w+)", question.text).group(1)
            assert all(action.kind != "go" for action in actor_of(clip, colour).actions)


def test_a_guess_gains_little_in_any_kind(put: list[quiz.Put]):
    """The commonest answer may lead even chance by a few standard deviations, not more."""
    train = quiz.priors(quiz.questions(put).filter(pl.col("split") == "train"))
    for row in train.iter_rows(named=True):
        chance = 1 / len(OPTIONS[row["kind"]])
        margin = 5 * (chance * (1 - chance) / row["questions"]) ** 0.5
        assert row["commonest"] < chance + margin, row


def test_all_types_and_kinds_are_asked_in_every_split(put: list[quiz.Put]):
    kinds = defaultdict(set)
    for each in put:
        kinds[each.clip.split].add((each.question.type, each.question.kind))
    assert kinds["train"] == kinds["validation"] == kinds["test"]
    assert len(kinds["train"]) == 19


def test_where_accuracy_is_measured_each_clip_has_its_share_of_each_type(put: list[quiz.Put], dataset: DatasetConfig):
    counts = Counter((each.clip.clip_id, each.question.type) for each in put if each.clip.split == "test")
    short = [key for key, count in counts.items() if count < dataset.evaluated_per_type[key[1]]]
    assert all(count <= dataset.evaluated_per_type[type_] for (_, type_), count in counts.items())
    assert len(short) < 0.1 * len(counts)


def test_training_is_not_crowded_by_the_kinds_that_can_be_asked_most(put: list[quiz.Put], dataset: DatasetConfig):
    counts = Counter((q.clip.clip_id, q.question.type, q.question.kind) for q in put if q.clip.split == "train")
    assert max(counts.values()) == dataset.train_most_per_kind
    assert 40 < sum(counts.values()) / 140 < 60


def test_the_same_seed_chooses_the_same_questions_whatever_other_clips_there_are(
    all_clips: list[Clip], dataset: DatasetConfig, put: list[quiz.Put]
):
    assert quiz.put(all_clips[180:200], dataset) == [each for each in put if each.clip in all_clips[180:200]]


def test_every_word_that_occurs_is_in_the_vocabulary(all_clips: list[Clip], put: list[quiz.Put]):
    tables = [
        quiz.questions(put).select("text", "answer"),
        quiz.captions(all_clips).select("text"),
        quiz.rationales(put).drop("question_id", "clip_id", "split"),
    ]
    texts = [text for table in tables for column in table.iter_columns() for text in column.unique()]
    used = {word for text in texts for word in text.split(" ")}
    used |= {word for options in OPTIONS.values() for word in options}
    assert used <= set(words())


def test_the_vocabulary_names_each_word_once():
    assert len(set(words())) == len(words())
    assert all(word == word.lower() and word == " ".join(word.split()) for word in words())


def test_the_tables_meet_their_schemas(all_clips: list[Clip], put: list[quiz.Put], tmp_path):
    for schema, table in (
        (Questions, quiz.questions(put)),
        (Captions, quiz.captions(all_clips)),
        (Rationales, quiz.rationales(put)),
    ):
        checked(schema, table, tmp_path, stage="dataset")


def test_captions_tell_all_that_was_seen_or_heard():
    clip = Clip(
        "c",
        "train",
        (
            Actor("red", "circle", (9, 9, 9, 10), (Action("swing", "left", 2), Action("still"), Action("go", "right"))),
            Actor(
                "blue", "square", (2, 2, 2, 2), (Action("flash", count=3), Action("orbit", spin="cw"), Action("still"))
            ),
        ),
        ("high", "low", "mid"),
        (2, 1, 3),
    )
    told = quiz.captions([clip])
    assert told.filter(pl.col("modality") == "visual")["text"].to_list() == [
        "blue square flash _ 3 ; red circle swing left 2 ;",
        "blue square orbit cw _ ; red circle still _ _ ;",
        "blue square still _ _ ; red circle go right _ ;",
    ]
    assert told.filter(pl.col("modality") == "audio")["text"].to_list() == ["high 2", "low 1", "mid 3"]


def test_a_rationale_writes_each_summary_from_its_own_sense(put: list[quiz.Put]):
    joint = [each for each in put if each.question.type == "joint"]
    for each, row in zip(joint, quiz.rationales(put).iter_rows(named=True), strict=True):
        assert not {"low", "mid", "high"} & set(row["summary_visual"].split())
        assert row["summary_audio"].split()[0] == each.clip.pitches[each.question.moment]
        assert each.question.answer in row["think"].split()


def of_type(clip: Clip, type_: str) -> list[Question]:
    return [question for question in ask(clip, seed=0) if question.type == type_]


def actor_of(clip: Clip, colour: str) -> Actor:
    return next(actor for actor in clip.actors if actor.colour == colour)


def is_true(clip: Clip, text: str, answer: str) -> bool:
    """Whether `answer` is right, read off the words of the question and the facts of the clip."""
    said = text.removesuffix(" ?")
    if found := re.fullmatch(r"what colour was the (\w+)", said):
        return any(actor.shape == found[1] and actor.colour == answer for actor in clip.actors)
    if found := re.fullmatch(r"what shape was (\w+)", said):
        return actor_of(clip, found[1]).shape == answer
    if found := re.fullmatch(r"was there a (\w+) (\w+)", said):
        return any((actor.colour, actor.shape) == found.groups() for actor in clip.actors) == (answer == "yes")
    if found := re.fullmatch(r"where was (\w+) at the (?:start of part (\w+)|end)", said):
        return CELLS[actor_of(clip, found[1]).cells[PARTS.get(found[2], 3)]] == answer
    if found := re.fullmatch(r"how high was the tone in part (\w+)", said):
        return clip.pitches[PARTS[found[1]]] == answer
    if found := re.fullmatch(r"how many beeps were there in part (\w+)", said):
        return clip.beeps[PARTS[found[1]]] == int(answer)
    if found := re.fullmatch(r"in which part did (\w+) (.+)", said):
        return did(actor_of(clip, found[1]).actions[PARTS[answer]], found[2])
    return is_true_of_a_moment(clip, said, answer)


def is_true_of_a_moment(clip: Clip, said: str, answer: str) -> bool:
    found = re.fullmatch(r"(.+) (?:in part (\w+)|while the tone was (\w+))", said)
    moment = PARTS[found[2]] if found[2] else clip.pitches.index(found[3])
    asked = found[1]
    if found := re.fullmatch(r"who did (.+)", asked):
        return any(actor.colour == answer and did(actor.actions[moment], found[1]) for actor in clip.actors)
    colour = re.search(r"did (\w+)", asked)[1]
    action = actor_of(clip, colour).actions[moment]
    if asked.startswith("what did"):
        return action.kind == answer
    verb = asked.split()[-1]
    assert action.kind == verb
    if asked.startswith("how many times"):
        return action.count == int(answer)
    return answer in (action.way, action.spin)


def did(action: Action, deed: str) -> bool:
    """Whether the words of a deed are true of an action."""
    verb, *rest = deed.replace("stay still", "still").split()
    if action.kind != verb:
        return False
    if not rest:
        return True
    return action.count == int(rest[0]) if rest[-1] == "times" else rest[0] in (action.way, action.spin)
