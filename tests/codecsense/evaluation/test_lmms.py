"""Our model in the field's harness: a local task, and the same accuracy as ours on the same rows."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import tiny_twins
import torch

from codecsense.evaluation import lmms_task, scoring
from codecsense.evaluation.passport import UNSAID
from codecsense.evaluation.statistics import Resampling
from codecsense.schemas import questions as questions_table
from codecsense.training import checkpoints

ROOT = Path(__file__).parents[3]
CLIPS = ROOT / "tests/clips"
ASKED = ("which way ?", "what did it do ?", "what ?", "how high ?")
HARNESS = """
import json, sys
from lmms_eval.evaluator import simple_evaluate
from lmms_eval.models import MODEL_REGISTRY_V2
from lmms_eval.tasks import TaskManager
from codecsense.lmms_plug import manifest

folder, arguments, target = sys.argv[1:]
MODEL_REGISTRY_V2.register_manifest(manifest(), overwrite=True)  # as its entry point does where we are installed
found = simple_evaluate(
    "codecsense", model_args=arguments, tasks=["made"], task_manager=TaskManager(include_path=folder), bootstrap_iters=0
)
rows = [[row["doc"]["question_id"], row["filtered_resps"][0]] for row in found["samples"]["made"]]
json.dump({"accuracy": found["results"]["made"]["accuracy,none"], "rows": rows}, open(target, "w"))
"""


def table_of(folder: Path, answers: dict[str, str]) -> Path:
    """A table of questions about two real clips, with these answers."""
    rows = []
    for clip in ("bikes_h264", "bunny_h264_surround"):
        for number, text in enumerate(ASKED):
            name = f"{clip}_{number}"
            rows.append(
                {
                    "question_id": name,
                    "clip_id": clip,
                    "split": "test",
                    "type": "hidden",
                    "kind": "way",
                    "interval": -1,
                    "text": text,
                    "answer": answers.get(name, "left"),
                    "options": ["left", answers.get(name, "left")],
                }
            )
    questions_table.write(pl.DataFrame(rows), folder / "questions.parquet")
    return folder / "questions.parquet"


def test_a_task_is_a_folder_of_rows_a_configuration_and_their_functions(tmp_path: Path):
    made = lmms_task.write(table_of(tmp_path, {}), CLIPS, tmp_path / "task", name="made", split="test", most_clips=1)
    rows = json.loads((tmp_path / "task/rows.json").read_text())
    assert made == len(rows) == len(ASKED)
    assert all(Path(lmms_task.shown(row)[0]).is_file() for row in rows)
    assert "!function micro_world_task.shown" in (tmp_path / "task/made.yaml").read_text()
    spec = importlib.util.spec_from_file_location("micro_world_task", tmp_path / "task/micro_world_task.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.judged(rows[0], ["left"]) == {"accuracy": 1.0}
    assert module.judged(rows[0], ["right"]) == {"accuracy": 0.0}


def untrained(folder: Path) -> str:
    """Arguments of a model that fits the shipped extraction and has learned nothing, but says different words."""
    settings = tiny_twins.settings(host__picture_px=32)
    own = settings.host.build(words=sorted({*tiny_twins.WORD_LIST, "which", "way", "how"}), seed=0)
    generator = torch.Generator().manual_seed(0)
    for weight in own.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.3, generator=generator)
    model = tiny_twins.for_shipped(folder, own, settings)
    checkpoints.save(model, folder / "checkpoint", notes={})
    return f"checkpoint={folder}/checkpoint,weights={folder}/weights,ear={folder}/ear,params={ROOT}/params.yaml"


def in_the_harness(table: Path, folder: Path, arguments: str) -> tuple[float, dict[str, str]]:
    for clip in ("bikes_h264", "bunny_h264_surround"):
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        (folder / f"clips/{clip}.mp4").write_bytes((CLIPS / f"{clip}.mp4").read_bytes())
    lmms_task.write(table, folder / "clips", folder / "task", name="made", split="test", most_clips=2)
    command = [sys.executable, "-c", HARNESS, str(folder / "task"), arguments, str(folder / "found.json")]
    home = {"HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=home, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((folder / "found.json").read_text())
    return found["accuracy"], dict(found["rows"])


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("lmms_eval") is None,
    reason="lmms-eval is not installed: it pins an older PyAV and has an environment of its own (docs/lmms_eval.md)",
)
def test_both_harnesses_give_the_same_accuracy_on_the_same_rows(tmp_path: Path):
    arguments = untrained(tmp_path)
    _, said = in_the_harness(table_of(tmp_path, {}), tmp_path / "first", arguments)
    words = {name: reply for name, reply in sorted(said.items()) if reply.isalnum()}
    right = dict(list(words.items())[1:])
    assert right, "a model that says no word would prove nothing"
    table = table_of(tmp_path, {**dict.fromkeys(said, "nothing"), **right})
    accuracy, again = in_the_harness(table, tmp_path / "second", arguments)
    assert again == said
    predictions = tmp_path / "said.json"
    predictions.write_text(json.dumps(said))
    ours = scoring.score(
        scoring.choose("micro_world", {"rule": "direct"}),
        annotations=table,
        predictions=predictions,
        run=UNSAID,
        resampling=Resampling(draws=100, seed=0, confidence=0.95),
        missing_allowed=0,
    )
    assert accuracy == ours.scores["official"].value == len(right) / len(said)
