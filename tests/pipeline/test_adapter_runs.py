"""Every line of profiles/adapter_runs.yaml, and a host tuned in full, taught on the micro world by params.yaml alone.

The stages run in this process, as in `test_tiny.py`; what the runs share is made once.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import polars as pl
import pytest
import yaml
from tiny_params import ROOT, changed, tiny
from typer.testing import CliRunner

from codecsense import config
from codecsense.cli import app
from codecsense.schemas import answers, questions
from flows import graph, stage

WHOLE = "tuned_in_full"
RUNS: dict[str, Any] = config.read(ROOT / "profiles/adapter_runs.yaml") | {
    WHOLE: {"sft.tuned": "full", "sft.lora_learning_rate": 3.0e-4}
}
LONGER = {"align.steps": 12, "sft.steps": 16}
SHARED = ("world", "audit", "extract", "dataset", "see", "hear", "features", "host")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The command of every stage by its name, in a folder where all that runs share has been made."""
    place = tmp_path_factory.mktemp("runs")
    values = changed(tiny(), LONGER)
    values |= {"runs": values["runs"] | RUNS, "evaluated": [*values["evaluated"], *RUNS]}
    (place / "params.yaml").write_text(yaml.safe_dump(values))
    copy(ROOT / "dvc.yaml", place)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=place, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("DVC_STAGE", raising=False)
        found = {node.name: node.argv for node in graph.nodes(Path())}
        for name, command in found.items():
            if command[0] in SHARED:
                assert stage.main(command) == 0, name
        yield found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("run", RUNS)
def test_a_run_is_aligned_taught_and_asked(run: str, commands: dict[str, list[str]]):
    """Stage 1's loss falls, if not by much in so few steps; Stage 2 learns at least which words answers are made of."""
    for name in ("align", "sft", "evaluate"):
        assert stage.main(commands[f"{name}@{run}"]) == 0, name
    aligned = pl.read_csv(f"data/runs/{run}/align/curve.csv")["loss"]
    assert aligned.tail(3).mean() < aligned.head(3).mean()
    taught = pl.read_csv(f"data/runs/{run}/checkpoint/curve.csv")["loss"]
    assert taught.tail(4).mean() < 0.8 * taught.head(2).mean()
    assert answers.read(Path(f"data/results/{run}/answers.parquet")).height > 40


def test_a_host_tuned_in_full_answers_from_its_checkpoint_alone(commands: dict[str, list[str]]):
    checkpoint = Path(f"data/runs/{WHOLE}/checkpoint")
    assert (checkpoint / "config.json").is_file()
    asked = questions.read(Path("data/tables/questions.parquet")).filter(pl.col("split") == "test").row(0, named=True)
    video = Path(f"data/world/{asked['clip_id']}.mp4")
    where = ["--checkpoint", str(checkpoint), "--weights", "nowhere", "--ear", "data/ear", "--params", "params.yaml"]
    result = CliRunner().invoke(app, ["ask", str(video), asked["text"], *where], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    told = answers.read(Path(f"data/results/{WHOLE}/answers.parquet")).filter(mode="direct")
    expected = told.filter(question_id=asked["question_id"])["response"][0]
    assert result.output.split()[-1] == expected.split()[-1]
