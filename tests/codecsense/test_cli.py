from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import tiny_twins
from typer.testing import CliRunner

from codecsense.cli import app
from codecsense.schemas import audit as audit_table
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints
from codecsense.training.lora import add as add_lora

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / "tests/clips"
PARAMS = ["--params", str(ROOT / "params.yaml")]


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("flv1.flv", "vp6f.flv"):
        (folder / name).write_bytes((CLIPS / name).read_bytes())
    return folder


def test_audit_prints_the_distribution_beside_the_reports(corpus: Path, tmp_path: Path):
    table, figure = tmp_path / "audit.parquet", tmp_path / "codecs.png"
    code, output = run(
        "audit", corpus, *PARAMS, "--scratch", tmp_path, "--workers", 1, "--table", table, "--figure", figure
    )
    assert code == 0, output
    assert "vp6f" in output
    assert "0.21%" in output
    assert audit_table.read(table).height == 2
    assert figure.stat().st_size > 1000


def test_extract_writes_a_store_and_a_plan_writes_nothing(corpus: Path, tmp_path: Path):
    common = ["extract", corpus, *PARAMS, "--scratch", tmp_path / "scratch", "--workers", 1]
    code, output = run(*common, "--plan")
    assert code == 0, output
    assert "CPU hours" in output
    streams = tmp_path / "streams"
    assert not streams.exists()
    assert run(*common, "--part", "1/1")[0] == 0
    code, output = run(*common, "--streams", streams)
    assert code == 0, output
    assert len(StreamStore(streams)) == 2


@pytest.mark.parametrize("clip", ["bikes_h264.mp4", "bikes_vp8.webm", "mpeg4.avi"])
def test_view_draws_a_sheet_and_plays_a_film(tmp_path: Path, clip: str):
    sheet, film = tmp_path / "sheet.png", tmp_path / "film.mp4"
    code, output = run("view", CLIPS / clip, *PARAMS, "--sheet", sheet, "--film", film)
    assert code == 0, output
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape[1] > 400
    saturation = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1]
    assert np.mean(saturation > 60) > 0.01
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 45


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stages `host` and `sft` leave, of a model that has learned nothing but fits the shipped extraction."""
    folder = tmp_path_factory.mktemp("trained")
    asked = ["which", "way", "?"]
    host = tiny_twins.HOSTS["qwen3_vl"] | {"picture_px": 32}
    settings = tiny_twins.settings(host=host)
    own = settings.host.build(words=sorted({*tiny_twins.WORD_LIST, *asked}), seed=0)
    model = tiny_twins.for_shipped(folder, own, settings)
    add_lora(own, "sft", tiny_twins.LORA, seed=0)
    checkpoints.save(model, folder / "checkpoint", notes={})
    return folder


def test_ask_answers_with_a_word_about_a_video_of_any_shape(trained: Path):
    where = ["--checkpoint", trained / "checkpoint", "--weights", trained / "weights", "--ear", trained / "ear"]
    code, output = run("ask", CLIPS / "bikes_h264.mp4", "which way ?", *where, *PARAMS)
    assert code == 0, output
    said = ("<|endoftext|>", "<|unknown|>", "which", "way", *tiny_twins.WORD_LIST)  # it has learned nothing
    assert output.rstrip().endswith(said)
    code, output = run("ask", CLIPS / "bikes_h264.mp4", "what is unheard of ?", *where, *PARAMS)
    assert code == 1
    assert "does not know a word" in output


def test_ask_in_two_stages_hears_a_file_without_sound_as_silence_and_keeps_what_was_summed_up(
    trained: Path, tmp_path: Path
):
    """Two questions at once; asked again, only the second stage is left to do."""
    where = ["--checkpoint", trained / "checkpoint", "--weights", trained / "weights", "--ear", trained / "ear"]
    asked = ["ask", CLIPS / "flv1.flv", "which way ?", "what ?", *where, *PARAMS, "--two-stage"]
    outputs = []
    for _ in range(2):
        code, output = run(*asked, "--summaries", tmp_path)
        assert code == 0, output
        outputs.append(output)
    assert len(list(tmp_path.glob("*.json"))) == 4
    assert [f"{part}: " in outputs[0] for part in ("look", "hear", "reason")] == [True] * 3
    assert [f"{part}: " in outputs[1] for part in ("look", "hear", "reason")] == [False, False, True]
    assert [line for line in outputs[1].splitlines() if line.startswith(("saw", "heard", "reply"))] == [
        line for line in outputs[0].splitlines() if line.startswith(("saw", "heard", "reply"))
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["view", "nothing.mp4"], "cannot be reached"),
        (["audit", "nowhere"], "neither a folder nor a manifest"),
        (["extract", str(CLIPS), "--plan", "--params", "none.yaml"], "none.yaml"),
    ],
)
def test_what_a_user_gets_wrong_is_one_message(arguments: list[str], message: str):
    known = arguments if "--params" in arguments else [*arguments, *PARAMS]
    code, output = run(*known)
    assert code == 1
    assert message in output.replace("\n", " ")
    assert "Traceback" not in output
