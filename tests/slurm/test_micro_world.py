"""The micro world on a real Slurm, by `dvc repro` and by the pipeline, watched by a Prefect server: as without.

CODECSENSE_PICTURES=FOLDER keeps the pictures that are taken of the server's pages.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import headless
import polars as pl
import pytest
import yaml
from loopback_prefect import Server
from slurm.loopback import Loopback
from tiny_place import Tiny
from toy_graph import ROOT

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(3000)]

MADE = ("data/streams", "data/tables", "data/results", "data/think", "data/review")
SHARES = {"extract": {"shares": 3, "cpus": 4}, **{name: {"shares": 2} for name in ("think", "blind", "evaluate@full")}}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Three runs and one of reinforcement, made inline."""
    keep = ("full", "anchors", "audio", "grpo")
    changes = {"extract.videos_per_shard": 4, "two_stage.batch": 4, "rivals.checkpoints.dense": "anchors"}
    tiny = Tiny(tmp_path_factory.mktemp("micro") / "tiny", changes=changes, keep=keep)
    tiny.cluster(poll_s=0.5, stages=SHARES)
    tiny.run("flows.pipeline")
    return tiny


@pytest.fixture(scope="module")
def inline(tiny: Tiny) -> dict[str, str]:
    """What the inline run made, by the contents of its files."""
    return made(tiny)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    try:
        yield server.start()
    finally:
        server.end()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go."""
    place = Path(os.environ.get("CODECSENSE_PICTURES", tmp_path / "pictures")).absolute()
    place.mkdir(parents=True, exist_ok=True)
    return place


def made(tiny: Tiny) -> dict[str, str]:
    metrics = json.loads((tiny.root / "data/report/metrics.json").read_text())
    return {**tiny.said_of(*MADE), "metrics": json.dumps(metrics, sort_keys=True)}


def test_dvc_repro_on_slurm_makes_the_same_to_the_last_byte(tiny: Tiny, inline: dict[str, str], slurm: Loopback):
    assert len(inline) > 20
    shutil.rmtree(tiny.root / "data/replies")  # so that there is something to ask for
    said = tiny.run("dvc", "repro", "--force", CODECSENSE_CLUSTER="slurm", SLURM_CONF=slurm.environment["SLURM_CONF"])
    assert made(tiny) == inline
    for stage, share in (
        ("extract@world", "0/3"),
        ("think", "1of2"),
        ("evaluate@full", "1/2"),
        ("blind", "1/2"),
    ):
        part = said.partition(f"{stage}: job ")[2].partition("Running stage")[0]
        assert f"{stage}: share {share}: " in part
        assert len({node for node in ("(n1)", "(n2)", "(n3)") if node in part}) > 1, part
    assert tiny.run("dvc", "repro").endswith("Data and pipelines are up to date.\n")


def test_the_pipeline_on_slurm_makes_the_same_and_its_branches_overlap(
    tiny: Tiny, inline: dict[str, str], slurm: Loopback, server: Server, pictures: Path, tmp_path: Path
):
    tiny.cluster(stages={})  # arrays were seen above
    told = {"CODECSENSE_CLUSTER": "slurm", "SLURM_CONF": slurm.environment["SLURM_CONF"], "PREFECT_API_URL": server.url}
    said = tiny.run("flows.pipeline", "--force", "--max-parallel", "3", **told)
    assert "is not told" not in said
    assert made(tiny) == inline
    runs = {run["name"]: run for run in server.all("flow_runs")}
    assert {node.name for node in tiny.nodes()} < set(runs)
    assert {run["state"]["type"] for run in runs.values()} == {"COMPLETED"}
    assert any(tag.startswith("job:") for tag in runs["sft@full"]["tags"])
    assert any(overlap(*pair) for pair in combinations([runs[node.name] for node in tiny.nodes()], 2))
    (job,) = [tag.removeprefix("job:") for tag in runs["sft@full"]["tags"] if tag.startswith("job:")]
    (linked,) = [each["data"] for each in server.all("artifacts") if each["key"] == "logs-sft-full"]
    assert (tiny.root / f"data/scratch/jobs/sft@full/{job}_0_log.out").as_uri() in linked
    tables = {each["key"] for each in server.all("artifacts") if each["type"] == "table"}
    assert {"metrics-evaluate-full", "metrics-report"} <= tables
    if headless.program():
        whole = server.run_named(f"{len(tiny.nodes())} stages")
        with headless.page(tmp_path / "browser") as page:
            page.open(server.page(f"/v2/runs/flow-run/{whole['id']}"), "sft@anchors: done", "Subflow Runs")
            page.picture(pictures / "pipeline.png")
            page.open(server.page(f"/v2/runs/flow-run/{runs['evaluate@audio']['id']}"), "run:audio", "cluster:slurm")
            page.picture(pictures / "stage.png")


def test_a_training_over_two_nodes_is_one_training(tiny: Tiny, inline: dict[str, str], slurm: Loopback):
    curve = tiny.root / "data/runs/full/align/curve.csv"
    alone = pl.read_csv(curve)
    tiny.cluster(stages={"align@full": {"nodes": 2}})
    told = {"CODECSENSE_CLUSTER": "slurm", "SLURM_CONF": slurm.environment["SLURM_CONF"]}
    said = tiny.run("dvc", "repro", "--single-item", "--force", "align@full", **told)
    assert re.search(r"align@full: job \d+ running \(n\[[123][,-][123]\]\)", said), said
    assert len(list((tiny.root / "data/scratch/jobs/align@full").glob("*_1_log.out"))) == 1
    together = pl.read_csv(curve)
    assert together["loss"].to_list() == pytest.approx(alone["loss"].to_list(), rel=1e-4)


def test_a_table_sends_out_what_is_not_made_yet_from_all_its_places_at_once(
    tiny: Tiny, inline: dict[str, str], slurm: Loopback
):
    tiny.cluster(stages={})
    shutil.copytree(ROOT / "profiles", tiny.root / "profiles")
    rows = {"full": {}, "lora_2": {"change": {"sft.lora.rank": 2}}, "short": {"run": "lora_2", "base": "short"}}
    group = {"title": "Ranks", "shown": [{"type": "hidden"}], "against": "full", "rows": rows}
    groups = {"bases": {"short": {"sft.steps": 2}}, "groups": {"ranks": group}}
    (tiny.root / "groups.yaml").write_text(yaml.safe_dump(groups))
    told = {"CODECSENSE_CLUSTER": "slurm", "SLURM_CONF": slurm.environment["SLURM_CONF"]}
    said = tiny.run("flows.groups", "ranks", **told)
    places = tiny.root / "data/scratch/places"
    for place in ("shared-0", "short-0"):
        jobs = {each.name for each in (places / place / "data/scratch/jobs").iterdir()}
        assert jobs == {"align@lora_2", "sft@lora_2", "evaluate@lora_2"}, "the rest is in the cache"
    begun = [began(places / place, "align@lora_2") for place in ("shared-0", "short-0")]
    ended = [began(places / place, "evaluate@lora_2") for place in ("shared-0", "short-0")]
    assert max(begun) < min(ended), "one place does not wait for the other"
    assert {"| full |", "| lora_2 |", "| short |"} <= set(re.findall(r"\| \w+ \|", said))


def began(place: Path, stage: str) -> str:
    """When a stage of that place was last begun."""
    return str(json.loads((place / f"data/timings/{stage}.json").read_text())["started"])


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["start_time"] < other["end_time"] and other["start_time"] < one["end_time"])
