"""Corpora of the field in and out: nothing is lost on the way, and nothing hostile comes in."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codecsense import corpora
from codecsense.config import variants
from codecsense.corpora import PLACEHOLDERS, Medium, Sample, Turn
from codecsense.corpora.paths import checked
from codecsense.schemas import conversations

FORMATS = variants(corpora.FOLDER)
SUFFIX = dict.fromkeys(FORMATS, ".json") | {"ms_swift": ".jsonl"}

INFO = {
    "videos": {
        "file_name": "data.json",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "videos": "videos", "system": "system"},
    },
    "elsewhere": {"hf_hub_url": "someone/something"},
}

RECORDS: dict[str, list[dict[str, Any]]] = {  # written by us in the layouts of the field
    "llava_video": [
        {
            "id": "ytb_x1-x2",
            "conversations": [
                {"from": "human", "value": "<image>\nWhat happens?\nAnswer briefly."},
                {"from": "gpt", "value": "A dog jumps."},
                {"from": "human", "value": "And then?"},
                {"from": "gpt", "value": "It lands — 犬."},
            ],
            "data_source": "0_30_s_youtube_v0_1",
            "video": "liwei_youtube_videos/videos/ytb_x1-x2.mp4",
        },
        {
            "id": 17,
            "conversations": [{"from": "human", "value": "<video>What?"}, {"from": "gpt", "value": "This."}],
            "video": ["a.mp4"],
        },
        {
            "conversations": [
                {"from": "human", "value": "Look.", "weight": 0},
                {"from": "gpt", "value": "Yes.", "weight": 1},
            ],
            "video": "b.mp4",
            "image": None,
            "score": 1e-9,
            "nested": {"a": [1, None, True]},
        },
        {
            "id": "mixed",
            "conversations": [
                {"from": "system", "value": "Be kind."},
                {"from": "human", "value": "<image> is before <video>, and <image> after"},
                {"from": "gpt", "value": "Yes."},
            ],
            "video": "c.mp4",
            "image": ["1.jpg", "2.jpg"],
        },
        {"id": "", "conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi"}]},
    ],
    "llama_factory": [
        {
            "conversations": [{"from": "human", "value": "<video>What?"}, {"from": "gpt", "value": "This."}],
            "videos": ["mllm_demo_data/1.mp4"],
            "system": "You watch videos.",
        },
        {
            "conversations": [{"from": "human", "value": "<video><video>Compare."}, {"from": "gpt", "value": "Same."}],
            "videos": ["1.mp4", "2.mp4"],
            "system": "",
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "b"},
        },
        {
            "conversations": [
                {"from": "human", "value": "How late?"},
                {"from": "function_call", "value": '{"name": "clock"}'},
                {"from": "observation", "value": "noon"},
                {"from": "gpt", "value": "Noon.", "loss": True},
            ],
            "system": "Use tools.",
            "tools": "[]",
        },
    ],
    "ms_swift": [
        {
            "messages": [
                {"role": "system", "content": "You are helpful."},
                {"role": "user", "content": "<image><video>What is in the image, what in the video?"},
                {"role": "assistant", "content": "An elephant.\u2028A puppy.", "loss": True},
            ],
            "images": ["x/1.jpg"],
            "videos": ["x/1.mp4"],
        },
        {
            "messages": [{"role": "user", "content": "<audio>Said?"}, {"role": "assistant", "content": "Nothing."}],
            "audios": "a.wav",
            "solution": "B",
        },
        {"messages": [{"role": "user", "content": "Go on"}, {"role": "tool", "content": "3"}], "videos": [], "n": 3},
    ],
    "video_r1": [
        {
            "problem_id": 1,
            "problem": "How many?",
            "data_type": "video",
            "problem_type": "multiple choice",
            "options": ["A. 1", "B. 2"],
            "solution": "<answer>B</answer>",
            "path": "./LLaVA-Video-178K/a/b.mp4",
            "data_source": "LLaVA-Video-178K",
        },
        {
            "problem_id": "x",
            "problem": "Left of <image>?",
            "data_type": "image",
            "problem_type": "numerical",
            "options": [],
            "process": "<think>Let me see <answer>no</answer></think>",
            "solution": "<answer>4</answer>",
            "path": "./Math/1.png",
        },
        {
            "problem_id": 2,
            "problem": "2 + 2?",
            "data_type": "image",
            "process": "<think>\n</think>\n",
            "solution": "4",
            "path": "",
        },
    ],
}


def put(name: str, records: list[dict[str, Any]], folder: Path) -> Path:
    """A file of this format, made without our writers."""
    path = folder / f"data{SUFFIX[name]}"
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines) if SUFFIX[name] == ".jsonl" else f"[{','.join(lines)}]", encoding="utf-8")
    if name == "llama_factory":
        (folder / "dataset_info.json").write_text(json.dumps(INFO))
    return path


def got(path: Path) -> list[dict[str, Any]]:
    """The records of a file, read without our readers."""
    text = path.read_text(encoding="utf-8")
    records: list[dict[str, Any]] = (
        [json.loads(line) for line in text.split("\n") if line] if path.suffix == ".jsonl" else json.loads(text)
    )
    return records


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_comes_back_as_it_was(name: str, tmp_path: Path):
    path = put(name, RECORDS[name], tmp_path)
    own = corpora.find(name)
    table = corpora.to_table(own.read(path))
    conversations.write(table, tmp_path / "inside.parquet")
    own.write(corpora.from_table(conversations.read(tmp_path / "inside.parquet")), path)
    assert got(path) == RECORDS[name]
    if name == "llama_factory":
        assert json.loads((tmp_path / "dataset_info.json").read_text()) == INFO


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="<>"), max_size=12)
WORD = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=5)
NUMBERS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none(), TEXT)
JSON = st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2))
EXTRA = st.dictionaries(WORD.map("x_".__add__), JSON, max_size=2)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    kinds = draw(st.lists(st.sampled_from(sorted(PLACEHOLDERS)), max_size=3))
    question = draw(TEXT) + "".join(PLACEHOLDERS[kind] + draw(TEXT) for kind in kinds)
    turns = [Turn("user", question), Turn("assistant", draw(TEXT))]
    turns += draw(st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), TEXT), max_size=2))
    turns = [Turn("system", draw(TEXT)), *turns] if draw(st.booleans()) else turns
    media = tuple(Medium(kind, f"{draw(WORD)}/{draw(WORD)}.bin") for kind in kinds)
    return Sample(draw(st.one_of(st.just(""), WORD)), tuple(turns), media, draw(EXTRA), {})


@st.composite
def problems(draw: st.DrawFn) -> Sample:
    kind = draw(st.sampled_from([None, *sorted(PLACEHOLDERS)]))
    lead = f"{PLACEHOLDERS[kind]}{draw(st.sampled_from(['', chr(10)]))}" if kind else ""
    thought = draw(st.one_of(st.just(""), TEXT.map(lambda text: f"<think>{text}</think>")))
    answer = f"{thought}{draw(st.sampled_from(['', chr(10)])) if thought else ''}<answer>{draw(TEXT)}</answer>"
    media = (Medium(kind, f"{draw(WORD)}.bin"),) if kind else ()
    turns = (Turn("user", lead + draw(TEXT)), Turn("assistant", answer))
    return Sample(draw(st.one_of(st.just(""), WORD)), turns, media, draw(EXTRA), {})


def plain(sample: Sample) -> Sample:
    """A sample apart from how its source spelled it."""
    return sample._replace(layout={})


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_format_loses_anything_of_a_sample_it_can_hold(name: str, data: st.DataObject, tmp_path: Path):
    drawn = data.draw(st.lists(problems() if name == "video_r1" else st.one_of(samples(), problems()), max_size=3))
    path = tmp_path / f"written{SUFFIX[name]}"
    own = corpora.find(name)
    own.write(drawn, path)
    assert [plain(sample) for sample in own.read(path)] == drawn


@pytest.mark.parametrize("second", FORMATS)
@pytest.mark.parametrize("first", FORMATS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(problems(), max_size=3))
def test_a_detour_through_another_format_changes_nothing(first: str, second: str, drawn: list[Sample], tmp_path: Path):
    there, back = corpora.find(first), corpora.find(second)
    there.write(drawn, tmp_path / f"a{SUFFIX[first]}")
    back.write(there.read(tmp_path / f"a{SUFFIX[first]}"), tmp_path / f"b{SUFFIX[second]}")
    assert [plain(sample) for sample in back.read(tmp_path / f"b{SUFFIX[second]}")] == drawn


HOSTILE = [
    *("/etc/passwd", "../x.mp4", "a/../../x.mp4", "a/.. /x.mp4", "http://host/x.mp4", "file:///x", "s3://b/x"),
    *("data:video/mp4;base64,AAAA", "C:\\x.mp4", "c:/x.mp4", "\\\\host\\x", "a\\..\\x", "~/x.mp4", "~root/x"),
    *("", " ", ".", "x\0.mp4", "x\n.mp4", " /etc/passwd", "HTTPS://host/x", "\udcff.mp4"),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused(path: str):
    with pytest.raises(ValueError, match="must lie below the data root"):
        checked(path)


@pytest.mark.parametrize("path", ["a.mp4", "./a/b.mp4", "a b/ä.mp4", "a..b/c...mp4", "-x.mp4", "a/~b.mp4"])
def test_an_ordinary_path_stays_as_it_is(path: str):
    assert checked(path) == path


HOSTILE_RECORDS = {
    "llava_video": {"video": "../x.mp4"},
    "llama_factory": {"videos": ["a.mp4", "/x.mp4"]},
    "ms_swift": {"videos": ["https://host/x.mp4"]},
    "video_r1": {"path": "/x.mp4"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_hostile_path_in_a_file_is_refused_with_file_and_row(name: str, tmp_path: Path):
    first, second = RECORDS[name][0], RECORDS[name][1]
    path = put(name, [first, second | HOSTILE_RECORDS[name]], tmp_path)
    with pytest.raises(ValueError, match=r"data\.jsonl?, row 1: the path .* must lie below the data root"):
        corpora.find(name).read(path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_hostile_path_is_refused_when_written_too(name: str, tmp_path: Path):
    turns = (Turn("user", "<video>\n?"), Turn("assistant", "<answer>a</answer>"))
    sample = Sample("1", turns, (Medium("video", "../x.mp4"),), {}, {})
    with pytest.raises(ValueError, match="climbs out"):
        corpora.find(name).write([sample], tmp_path / f"x{SUFFIX[name]}")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "field"), [("ms_swift", "videos"), ("llava_video", "video"), ("video_r1", "path")])
def test_an_extra_field_cannot_turn_into_a_medium(name: str, field: str, tmp_path: Path):
    turns = (Turn("user", "?"), Turn("assistant", "<answer>a</answer>"))
    sample = Sample("1", turns, (), {field: "/etc/passwd"}, {})
    with pytest.raises(ValueError, match=f"extra field '{field}' has a meaning of its own"):
        corpora.find(name).write([sample], tmp_path / f"x{SUFFIX[name]}")


DAMAGED: dict[str, tuple[str, str]] = {
    "not json": ("[{", "is not valid JSON"),
    "no list": ('{"a": 1}', "must hold a list"),
    "no record": ('["a"]', "row 0: a record must be an object"),
    "no turns": ('[{"id": "1"}]', "row 0: field 'conversations' must be a list of turns"),
    "a turn of numbers": ('[{"conversations": [{"from": "human", "value": 3}]}]', "turn 0 must hold a text"),
    "a strange role": ('[{"conversations": [{"from": "dog", "value": "woof"}]}]', "'from' is 'dog', not one of human"),
    "a lost placeholder": (
        '[{"conversations": [{"from": "human", "value": "<video>"}], "video": ["a.mp4", "b.mp4"]}]',
        "1 placeholders <video> for 2 files",
    ),
    "a placeholder for nothing": ('[{"conversations": [{"from": "human", "value": "<image>?"}]}]', "1 placeholders"),
    "a path that is a number": ('[{"conversations": [{"from": "human", "value": ""}], "video": 3}]', "must be text"),
    "brackets": ("[" * 100_000, "is not valid JSON"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused_with_the_place(damage: str, tmp_path: Path):
    text, words = DAMAGED[damage]
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match="bad.json") as error:
        corpora.find("llava_video").read(tmp_path / "bad.json")
    assert words in str(error.value)


def test_what_a_format_cannot_hold_is_refused_and_never_left_out(tmp_path: Path):
    long = Sample("1", tuple(Turn(role, "x") for role in ("user", "assistant", "user", "assistant")), (), {}, {})
    with pytest.raises(ValueError, match="row 0: Video-R1 holds one question"):
        corpora.find("video_r1").write([long], tmp_path / "x.json")
    bare = Sample("1", (Turn("user", "?"), Turn("assistant", "a")), (), {}, {})
    with pytest.raises(ValueError, match="does not end in <answer>"):
        corpora.find("video_r1").write([bare], tmp_path / "x.json")
    with pytest.raises(ValueError, match="texts speak of"):
        corpora.find("ms_swift").write([bare._replace(media=(Medium("video", "a.mp4"),))], tmp_path / "x.jsonl")
    assert not any(tmp_path.iterdir())


BAD_INFO = {
    "nothing": ({}, "has no entry whose `file_name` is 'data.json'"),
    "a hub": ({"d": {"file_name": "data.json", "hf_hub_url": "a/b"}}, "takes its data from elsewhere"),
    "a script": ({"d": {"file_name": "data.json", "script_url": "x"}}, "takes its data from elsewhere"),
    "alpaca": ({"d": {"file_name": "data.json"}}, "must be sharegpt"),
    "a path that climbs": ({"d": {"file_name": "../data.json"}}, "climbs out"),
}


@pytest.mark.parametrize("what", BAD_INFO)
def test_an_entry_that_cannot_be_used_is_refused(what: str, tmp_path: Path):
    info, words = BAD_INFO[what]
    path = put("llama_factory", RECORDS["llama_factory"], tmp_path)
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match=words):
        corpora.find("llama_factory").read(path)


def test_a_new_file_gets_its_entry_beside_those_that_are_there(tmp_path: Path):
    put("llama_factory", [], tmp_path)
    turns = (Turn("user", "<video>?"), Turn("assistant", "a"))
    corpora.find("llama_factory").write([Sample("", turns, (Medium("video", "a.mp4"),), {}, {})], tmp_path / "new.json")
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert set(info) == {"videos", "elsewhere", "new"}
    assert info["new"]["tags"]["role_tag"] == "role"
    assert got(tmp_path / "new.json") == [
        {
            "messages": [{"role": "user", "content": "<video>?"}, {"role": "assistant", "content": "a"}],
            "videos": ["a.mp4"],
        }
    ]


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match="no format `alpaca`; there are: llama_factory, llava_video, ms_swift, .*table"
    ):
        corpora.find("alpaca")
