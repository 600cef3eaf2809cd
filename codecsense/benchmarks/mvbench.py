"""MVBench: 20 tasks of 200 questions with three to five options [1].

The official script compares with two substring tests, so that '', '(' and '.' are right whatever is asked. `pred` of a
submission already begins with the "(" that the prompt leaves open; a reply given as a plain row is taken as it stands.

References:
    [1] Li et al., MVBench, arXiv 2311.17005; video_chat2/mvbench.ipynb.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from codecsense.benchmarks import BenchmarkConfig, Question, Reply, Verdict, Video, lettered, plain_rows, replies
from codecsense.benchmarks import _reading as reading
from codecsense.benchmarks._letters import strict_choice

SYSTEM = (
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement of "
    "objects, and the action and pose of persons. Based on your observations, select the best option that accurately "
    "addresses the question.\n"
)
VIDEOS = {  # where the official script looks for the videos of each task; True: only from start to end
    "action_sequence": ("star/Charades_v1_480", True),
    "action_prediction": ("star/Charades_v1_480", True),
    "action_antonym": ("ssv2_video", False),
    "fine_grained_action": ("Moments_in_Time_Raw/videos", False),
    "unexpected_action": ("FunQA_test/test", False),
    "object_existence": ("clevrer/video_validation", False),
    "object_interaction": ("star/Charades_v1_480", True),
    "object_shuffle": ("perception/videos", False),
    "moving_direction": ("clevrer/video_validation", False),
    "action_localization": ("sta/sta_video", True),
    "scene_transition": ("scene_qa/video", False),
    "action_count": ("perception/videos", False),
    "moving_count": ("clevrer/video_validation", False),
    "moving_attribute": ("clevrer/video_validation", False),
    "state_change": ("perception/videos", False),
    "fine_grained_pose": ("nturgbd", False),
    "character_order": ("perception/videos", False),
    "egocentric_navigation": ("vlnqa", False),
    "episodic_reasoning": ("tvqa/frames_fps3_hq", True),
    "counterfactual_inference": ("clevrer/video_validation", False),
}


class Settings(BenchmarkConfig):
    """No choices."""

    title: ClassVar[str] = "MVBench"
    medium: ClassVar[Literal["video", "image"]] = "video"
    official_id: ClassVar[str] = "mvbench/mvbench.ipynb:check_ans"
    strict_id: ClassVar[str] = "codecsense/letters-1"
    averaged_over: ClassVar[str] = "task"  # all have 200 questions, so it is the plain mean too
    name: Literal["mvbench"]

    @property
    def size(self) -> int:
        return 4000

    def read(self, annotations: Path) -> list[Question]:
        """From a folder of `{task}.json`; a task of another name is an error, a missing one shows in the passport."""
        files = sorted(annotations.glob("*.json")) if annotations.is_dir() else [annotations]
        if not files:
            raise ValueError(f"{annotations} holds no task files such as action_sequence.json")
        found = []
        for file in files:
            if file.stem not in VIDEOS:
                raise ValueError(f"{file} is no task of MVBench; the tasks are: {', '.join(VIDEOS)}")
            rows = reading.rows(reading.document(file), file)
            found += [_question(file.stem, number, row, place) for number, (place, row) in enumerate(rows)]
        return found

    def read_replies(self, predictions: Path, questions: Sequence[Question]) -> dict[str, Reply]:
        """From `res_list` of the official script, in the order of the annotations, or from plain rows."""
        document = reading.document(predictions)
        if not (isinstance(document, dict) and "res_list" in document):
            return replies(plain_rows(predictions), questions, predictions)
        rows = list(reading.rows(document["res_list"], predictions))
        if len(rows) != len(questions):
            raise ValueError(
                f"{predictions}: {len(rows)} results, which name no question, for {len(questions)} questions"
            )
        return {
            question.sample_id: _in_order(question, row, place)
            for question, (place, row) in zip(questions, rows, strict=True)
        }

    def prompt(self, question: Question) -> str:
        options = lettered(question.options, "({letter}) {option}")
        return f"{SYSTEM}Question: {question.text}\nOptions:\n{options}\nOnly give the best option.\nBest option:("

    def frames(self, question: Question, video: Video, budget: int) -> list[int]:
        """The official segments of the span that is asked about: from the middle of the first, a segment apart."""
        return segments(question, video, budget)

    def official(self, question: Question, reply: Reply) -> Verdict:
        option, gold = reply.response.lower().split(" ")[0], f"({question.gold.lower()})"
        right = option.replace(".", "") in gold or gold in option
        return Verdict(option[:40], "ok" if reply.response.strip() else "empty", right)

    def strict(self, question: Question, reply: Reply) -> Verdict:
        return strict_choice(question, reply)


def segments(question: Question, video: Video, budget: int) -> list[int]:
    """Frame indices as the official `get_index` gives them; Python's rounding to even included."""
    last = video.num_frames - 1
    start, end = question.span_s or (-100_000.0, 100_000.0)
    first, final = max(0, round(start * video.fps)), min(round(end * video.fps), last)
    part = (final - first) / budget
    return [int(first + part / 2 + round(part * number)) for number in range(budget)]


def _in_order(question: Question, row: dict[str, Any], place: str) -> Reply:
    gold = reading.words(row, "gt", place)
    if not gold.startswith(f"({question.gold})"):
        raise ValueError(
            f"{place}: its answer {gold!r:.40} is not ({question.gold}) of {question.sample_id}; was it reordered?"
        )
    return Reply(reading.words(row, "pred", place))


def _question(task: str, number: int, row: dict[str, Any], place: str) -> Question:
    options, answer = reading.texts(row, "candidates", place), str(reading.needed(row, "answer", place))
    if answer not in options:
        raise ValueError(f"{place}: the answer {answer!r:.40} is none of the candidates")
    root, bound = VIDEOS[task]
    video = reading.inside(reading.words(row, "video", place), place)
    last = len(options) - 1 - options[::-1].index(answer)  # where candidates repeat, the script keeps the last
    return Question(
        sample_id=f"{task}/{number}",
        cluster_id=f"{root}/{video}",
        text=reading.words(row, "question", place),
        gold=chr(ord("A") + last),
        options=options,
        media=f"{root}/{video}",
        groups={"task": (task,)},
        span_s=(reading.number(row, "start", place), reading.number(row, "end", place)) if bound else None,
        details={"subtitle": row["subtitle"]} if "subtitle" in row else {},
    )
