"""MLVU: long videos; seven tasks of multiple choice in dev, nine in test, and two of generation that a judge scores.

M-Avg is the mean of the tasks' accuracies; one harness prints the mean over questions instead, which differs wherever
task sizes do. The official script takes what stands before the first ")" and wants it to be the letter, so "(C)" is
wrong. G-Avg is the mean of the two generation tasks on a scale from 2 to 10, from what a judge has written of every
reply (split `generation`; see `generation_score`). It is no share, so it stands beside one: that of full marks.

References:
    [1] Zhou et al., MLVU, arXiv 2406.04264; videochat2/choice_bench.py, Evaluation_Test/test_bench.py and
        generation_evaluation/calculate.py.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import (
    Answer,
    BenchmarkConfig,
    Question,
    Reply,
    Scorer,
    Verdict,
    lettered,
    plain_rows,
    replies,
)
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import strict_choice, unread

ASK = (
    "Carefully watch this video and pay attention to every detail. Based on your observations, select the best option "
    "that accurately addresses the question.\n"
)
TASKS = {  # of dev, by the stem of their files
    "1_plotQA": 539,
    "2_needle": 355,
    "3_ego": 352,
    "4_count": 206,
    "5_order": 259,
    "6_anomaly_reco": 200,
    "7_topic_reasoning": 264,
}
GENERATION = {  # the two scores that a judge gives in each task
    "8_sub_scene": ("score_accuracy", "score_relevance"),
    "9_summary": ("score_completeness", "score_reliability"),
}
SIZES = {"dev": sum(TASKS.values()), "test": 502, "generation": 418}
LONGEST_JUDGEMENT = 20_000  # characters
FULL_MARKS = 10.0


class Settings(BenchmarkConfig):
    """Which split; its tasks are those that the annotations hold."""

    title: ClassVar[str] = "MLVU"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "mlvu/choice_bench.py@0b16f40"
    strict_id: ClassVar[str] = "codecsense/letters-1"
    averaged_over: ClassVar[str] = "task"
    name: Literal["mlvu"]
    split: Literal["dev", "test", "generation"]

    @property
    def split_name(self) -> str:
        return self.split

    @property
    def needs_judge(self) -> bool:
        return self.split == "generation"

    @property
    def size(self) -> int:
        return SIZES[self.split]

    def read(self, annotations: Path) -> list[Question]:
        """Dev and its generation tasks from a folder of task files, test from one file with answers."""
        if self.split == "test":
            rows = reading.rows(reading.document(annotations), annotations)
            return [_question(row, reading.name(row, "question_id", place), "", place) for place, row in rows]
        files = sorted(annotations.glob("*.json")) if annotations.is_dir() else [annotations]
        found = []
        for file in files:
            if file.stem not in {**TASKS, **GENERATION}:
                raise ValueError(f"{file} is no task of MLVU; the tasks are: {', '.join([*TASKS, *GENERATION])}")
            if (file.stem in GENERATION) != (self.split == "generation"):
                continue
            ask = _told if file.stem in GENERATION else _question
            for number, (place, row) in enumerate(reading.rows(reading.document(file), file)):
                found.append(ask(row, f"{file.stem}/{number}", file.stem, place))
        return found

    def read_replies(self, predictions: Path, questions: Sequence[Question]) -> dict[str, Reply]:
        """From test_res.json (question_id, option), from `res_list` (question, video, pred), or from plain rows.

        Of generation the reply is the judge's text: from the judging scripts' file (video_N to [{explain}, {q, a,
        pred}]), both tasks in one object, or from plain rows.
        """
        document = reading.document(predictions)
        if (
            self.split == "generation"
            and isinstance(document, dict)
            and any(isinstance(v, list) for v in document.values())
        ):
            return replies(_judged(document, questions, predictions), questions, predictions)
        if isinstance(document, dict) and "res_list" in document:
            return replies(_by_question(document["res_list"], questions, predictions), questions, predictions)
        if isinstance(document, list) and document and isinstance(document[0], dict) and "option" in document[0]:
            rows = reading.rows(document, predictions)
            named = [(reading.name(row, "question_id", place), row, place) for place, row in rows]
            said = (
                (name, Reply(reading.said(reading.needed(row, "option", place), place))) for name, row, place in named
            )
            return replies(said, questions, predictions)
        return replies(plain_rows(predictions), questions, predictions)

    def prompt(self, question: Question) -> str:
        if self.split == "generation":
            return question.text
        options = lettered(question.options, "({letter}) {option}")
        return f"{ASK}Question: {question.text}\nOptions:\n{options}\nOnly give the best option.\nBest Option: ("

    def official(self, question: Question, reply: Reply) -> Verdict:
        if self.split == "generation":
            return _marked(reply, generation_score(reply.response, GENERATION[self.stratum(question)]))
        letter = reply.response.partition(")")[0]
        status: Literal["ok", "empty"] = "ok" if reply.response.strip() else "empty"
        return Verdict(letter[:40], status, letter == question.gold)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        if self.split == "generation":
            return _marked(reply, last_score(reply.response, GENERATION[self.stratum(question)]))
        return strict_choice(question, reply)

    def besides(self, answers: Sequence[Answer], scorer: Scorer) -> dict[str, float]:
        """G-Avg, and the mean of each generation task, from 2 to 10; a judgement without two scores is 0."""
        if self.split != "generation":
            return {}
        marks: dict[str, list[float]] = {}
        for answer in answers:
            marks.setdefault(self.stratum(answer.question), []).append(float(answer.by(scorer).extracted or 0.0))
        means = {f"{task}, 2 to 10": sum(own) / len(own) for task, own in sorted(marks.items())}
        return {"G-Avg, 2 to 10": sum(means.values()) / len(means), **means}


def generation_score(judgement: str, keys: tuple[str, str]) -> float:
    """The sum of the two scores that a judge's text gives, 2 to 10; 0 where it does not give both.

    As the official parser: after the key, two characters past the next colon, up to the next comma. `keys` are
    score_accuracy and score_relevance for 8_sub_scene, score_completeness and score_reliability for 9_summary.
    Where the official parser stops the whole evaluation, because what it cut out is no number, the reply scores 0.
    """
    text, scores = judgement[:LONGEST_JUDGEMENT], []
    for key in keys:
        at = text.find(key)
        start = text.find(":", at) + 2
        try:
            scores.append(float(text[start : text.find(",", start)]) if at >= 0 else 0.0)
        except ValueError:
            return 0.0
    return sum(scores) if all(1 <= score <= 5 for score in scores) else 0.0


def last_score(judgement: str, keys: tuple[str, str]) -> float:
    """The sum of the two scores that a judge's text gives last, 2 to 10; 0 where it does not give both, 1 to 5 each.

    Judges reason first and score at the end, in an object of any spelling, so what stands last counts.
    """
    scores = []
    for key in keys:
        found = re.findall(
            rf"{key}['\"]?\s{{0,9}}[:=]\s{{0,9}}['\"]?([1-5](?:\.\d{{1,6}})?)(?!\d|\.\d)",
            judgement[-LONGEST_JUDGEMENT:],
        )
        scores.append(float(found[-1]) if found else 0.0)
    return sum(scores) if all(1 <= score <= 5 for score in scores) else 0.0


def _marked(reply: Reply, marks: float) -> Verdict:
    """A judged reply; `correct` means full marks."""
    return Verdict(f"{marks:g}", "ok", marks == FULL_MARKS) if marks else unread(reply)


def _judged(document: dict[str, Any], questions: Sequence[Question], predictions: Path) -> Iterator[tuple[str, Reply]]:
    """The judging scripts name a reply by its video and a number of their own; its question is in the second object."""
    known: dict[tuple[str, str], str] = {}
    for question in questions:
        key = (PurePosixPath(question.media).stem, _one_line(question.text))
        if key in known:
            raise ValueError(f"{known[key]} and {question.sample_id} ask the same of one video; give rows of sample_id")
        known[key] = question.sample_id
    for name, pair in document.items():
        place = f"{predictions}, {name}"
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, dict) for part in pair)):
            raise ValueError(f"{place} must be [{{explain}}, {{q, a, pred}}], as the judging scripts write it")
        video = PurePosixPath(name.rpartition("_")[0]).stem
        sample = known.get((video, _one_line(reading.words(pair[1], "q", place))))
        if sample is None:
            raise ValueError(f"{place}: no generation question of the annotations has these words and this video")
        yield sample, Reply(reading.said(reading.needed(pair[0], "explain", place), place))


def _one_line(text: str) -> str:
    return text.replace("\n", "").strip()


def _by_question(results: Any, questions: Sequence[Question], predictions: Path) -> Iterator[tuple[str, Reply]]:
    """The dev script names a question by its words and its video."""
    known: dict[tuple[str, str], str] = {}
    for question in questions:
        key = (_asked(question), PurePosixPath(question.media).name)
        if key in known:
            raise ValueError(f"{known[key]} and {question.sample_id} ask the same of one video; give rows of sample_id")
        known[key] = question.sample_id
    for place, row in reading.rows(results, predictions):
        video = PurePosixPath(reading.words(row, "video", place)).name
        sample = known.get((reading.words(row, "question", place), video))
        if sample is None:
            raise ValueError(f"{place}: no question of the annotations has these words and this video ({video})")
        yield sample, Reply(reading.words(row, "pred", place))


def _asked(question: Question) -> str:
    return f"Question: {question.text}\nOptions:\n{lettered(question.options, '({letter}) {option}')}".rstrip()


def _told(row: dict[str, Any], sample: str, folder: str, place: str) -> Question:
    """A question of a generation task; its answer is a text."""
    video = reading.inside(reading.words(row, "video", place), place)
    return Question(
        sample_id=sample,
        cluster_id=video,
        text=reading.words(row, "question", place),
        gold=reading.words(row, "answer", place),
        media=f"{folder}/{video}",
        groups={"task": (folder,)},
    )


def _question(row: dict[str, Any], sample: str, folder: str, place: str) -> Question:
    options, answer = reading.texts(row, "candidates", place), str(reading.needed(row, "answer", place))
    task = folder or reading.words(row, "question_type", place)
    if answer not in options:
        raise ValueError(f"{place}: the answer {answer!r:.40} is none of the candidates")
    video = reading.inside(reading.words(row, "video", place), place)
    last = len(options) - 1 - options[::-1].index(answer)  # where candidates repeat, the script keeps the last
    return Question(
        sample_id=sample,
        cluster_id=video,
        text=reading.words(row, "question", place),
        gold=chr(ord("A") + last),
        options=options,
        media=f"{folder}/{video}" if folder else video,
        groups={"task": (task,)},
    )
