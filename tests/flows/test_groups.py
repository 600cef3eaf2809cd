"""Adding an ablation is one line of data: a copy of the tree gets one, and the graph there trains and evaluates it."""

import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from codecsense import config
from codecsense.texts import WORDS
from codecsense.world.questions import CELLS
from codecsense.world.vocabulary import words
from flows import claims, groups, outlook, places
from stages import params

ROOT = Path(__file__).parents[2]
TREE = [*places.TREE, "groups.yaml", "claims.yaml"]
LINE = "      lora_2: {change: {sft.lora.rank: 2, sft.lora.alpha: 4}}\n"
MOST_CPU_S = 300.0
SEVEN = [f"evaluate@{run}" for run in ("lora_2", "full")]


def laid_over(values: dict[str, Any], difference: tuple[str, Any]) -> dict[str, Any]:
    first, _, rest = difference[0].partition(".")
    return {**values, first: laid_over(values[first], (rest, difference[1])) if rest else difference[1]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree with tiny parameters and with one more line in its group of LoRA ranks."""
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    tiny = reduce(laid_over, config.read(ROOT / "tests/tiny.yaml").items(), config.read(ROOT / "params.yaml"))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tiny))
    text = (tmp_path / "groups.yaml").read_text()
    before, after = text.split("      lora_4: ")
    (tmp_path / "groups.yaml").write_text(f"{before}{LINE}      lora_4: {after}")
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def test_one_line_is_a_run_that_is_trained_evaluated_and_in_the_table(tree: Path):
    known = groups.read(tree)
    assert known.change("lora_2") == {"sft.lora.rank": 2, "sft.lora.alpha": 4}
    two = known.groups.find("lora_rank").model_copy(
        update={
            "rows": {
                name: row for name, row in known.groups.find("lora_rank").rows.items() if name in ("lora_2", "full")
            }
        }
    )
    jobs = groups.plan(tree, known, groups.needs({"lora_rank": two}), [0])
    assert [job.targets for job in jobs] == [SEVEN]
    stages = jobs[0].outlook.stages
    assert {"align@lora_2", "sft@lora_2", "evaluate@lora_2", "sft@full"} <= set(stages)
    assert "sft@lora_4" not in stages, "what another row needs is left alone"
    assert stages.count("host") == 1, "what runs share is made once"
    assert set(jobs[0].outlook.missing) == set(stages)
    assert params.load(jobs[0].place / "params.yaml", "lora_2").sft.lora.rank == 2
    assert "lora_2" not in config.read(tree / "params.yaml")["runs"], "the default graph stays as it is"
    assert "| shared | 0 | lora_2, full |" in groups.told(jobs)


@pytest.mark.slow
def test_a_group_of_two_runs_goes_from_a_clean_state_to_its_table_and_is_then_found_in_the_cache(tree: Path):
    text = (tree / "groups.yaml").read_text()
    start, end = text.index("  lora_rank:"), text.index("  lora_or_full:")
    rows = [
        line for line in text[start:end].splitlines(keepends=True) if "lora_4:" not in line and "lora_8:" not in line
    ]
    (tree / "groups.yaml").write_text(
        text[:start] + "".join(row for row in rows if "lora_32" not in row and "lora_64" not in row) + "\n" + text[end:]
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}

    def command(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flows.groups", "lora_rank", *words],
            cwd=tree,
            env=environment | {"PYTHONPATH": str(tree)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "| lora_2 | " in command()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = spent.ru_utime + spent.ru_stime - begun.ru_utime - begun.ru_stime
    assert took < MOST_CPU_S, f"{took:.0f} s of CPU: on a quiet machine a group of two runs takes less than 5 minutes"
    page = (tree / "data/papers/lora_rank.html").read_text()
    assert "sft.lora.rank: 2" in page
    assert "| 14 | 14 | 0 |" in command("--plan")
    shutil.rmtree(tree / "data/scratch/places")
    assert "| 14 | 14 | 0 | 0.0 |" in command("--plan"), "the plan knows what DVC's cache holds"
    again = command()
    assert "restored from the cache" in again
    assert " done" not in again.split("== ")[-1], "nothing was computed twice"


@pytest.mark.parametrize("base", ["shared", *config.read(ROOT / "groups.yaml")["bases"]])
def test_every_run_of_every_base_has_valid_parameters(base: str, tmp_path: Path):
    known = groups.read(ROOT)
    differences = {} if base == "shared" else known.groups.bases[base]
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(places.values(ROOT, seed=3, differences=differences, runs=known.changes)))
    found = params.load(file)
    assert found.seed == 3
    host = found.model.host.build(words=sorted({*words(), *WORDS}), seed=0)
    assert (host.settings.picture_px // host.block_px) ** 2 == len(CELLS), "its tower sees one token per cell"


def test_a_base_that_changes_nothing_that_is_there_is_refused():
    with pytest.raises(ValueError, match=r"a base changes `world\.cfr`, which params\.yaml does not have"):
        places.values(ROOT, seed=0, differences={"world.cfr": 1}, runs={})


def test_a_mirrored_tree_loses_what_is_gone_and_touches_only_what_differs(tmp_path: Path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "inner").mkdir(parents=True)
    (source / "kept.py").write_text("same")
    (source / "inner" / "new.py").write_text("new")
    (target / "old").mkdir(parents=True)
    (target / "old" / "gone.py").write_text("gone")
    (target / "kept.py").write_text("same")
    touched = (target / "kept.py").stat().st_mtime_ns
    places._mirror(source, target)
    assert sorted(str(file.relative_to(target)) for file in target.rglob("*.py")) == ["inner/new.py", "kept.py"]
    assert (target / "kept.py").stat().st_mtime_ns == touched


def test_what_was_never_timed_is_counted_and_not_guessed():
    names = ["host", "sft@full"]
    look = places.Outlook(names, names, [], {"host": 120.0}, {name: name for name in names})
    text = groups.told([groups.Job("shared", 0, ROOT, ["full"], look)])
    assert "| 2 | 0 | 2 | 2.0 | – |" in text
    assert "1 stages whose like was never timed here" in text


def test_what_two_places_need_is_counted_once_and_an_alignment_that_another_run_makes_is_nearly_free(tmp_path: Path):
    runs = {"lora_4": {"sft.lora.rank": 4}, "lora_8": {"sft.lora.rank": 8}, "mse": {"align.objective": "mse"}}
    values = config.read(ROOT / "params.yaml") | {"runs": runs}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    names = [f"align@{run}" for run in runs]
    assert places.twins(values, [*names, "sft@lora_4"]) == (["align@lora_4"], ["align@lora_8"])
    look = places.Outlook(names, names, [], dict.fromkeys(names, 57.0), {name: name for name in names})
    text = groups.told([groups.Job(base, 0, tmp_path, [], look) for base in ("one", "other")])
    assert "| one | 0 |  | 3 | 0 | 3 | 1.9 | – |" in text, "twice 57 s, and 3 s for what is found done"
    assert "| other | 0 |  | 3 | 0 | 3 | 0.0 | – |" in text


def test_a_stage_that_watches_other_values_is_another_stage_and_one_that_does_not_is_the_same():
    values = config.read(ROOT / "params.yaml")
    nodes = {
        "world": outlook.graph.Node("world", ["world"], [], ["world"], []),
        "sft@full": outlook.graph.Node("sft@full", ["sft"], [], ["seed", "sft"], []),
    }
    found = outlook.graph.Graph(nodes, {"world": set(), "sft@full": {"world"}}, frozenset())
    mine = outlook.described(found, values)
    assert outlook.described(found, values | {"vanao": {}}) == mine
    seeded, louder = outlook.described(found, values | {"seed": 1}), outlook.described(found, values | {"world": {}})
    assert seeded["world"] == mine["world"]
    assert seeded["sft@full"] != mine["sft@full"]
    assert louder["sft@full"] != mine["sft@full"], "what stands above it is part of what it is"


def test_a_training_of_no_steps_is_expected_to_take_no_time(tmp_path: Path):
    (tmp_path / "sft@full.json").write_text('{"cpu_s": 60.0}')
    values = config.read(ROOT / "params.yaml")
    values["runs"]["stage_1_only"] = {"sft.steps": 0}
    names = ["sft@full", "sft@mv", "sft@stage_1_only", "probe"]
    took = outlook.expected(names, values, tmp_path)
    assert took == {"sft@full": 60.0, "sft@mv": 60.0, "sft@stage_1_only": outlook.IDLE_S}


def test_stages_below_a_change_are_missing_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    found = outlook.graph.Graph(
        nodes={name: outlook.graph.Node(name, [], [], [], []) for name in ("world", "host", "sft@full", "probe")},
        before={"world": set(), "host": {"world"}, "sft@full": {"host"}, "probe": {"world"}},
        changed=frozenset({"host"}),
    )
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.setattr(outlook.graph, "read", lambda *_: found)
    monkeypatch.setattr(outlook, "kept", lambda *_: set())
    assert outlook.outlook(["sft@full"], tmp_path, tmp_path)["missing"] == ["host", "sft@full"]
    monkeypatch.setattr(outlook, "kept", lambda *_: {"host"})
    assert outlook.outlook(["sft@full"], tmp_path, tmp_path)["missing"] == [], "the cache has what was below a change"


def test_nobody_listens_where_the_ear_is_hardly_taught():
    known = groups.read(ROOT)
    deaf = {base for base, changes in known.groups.bases.items() if "hear.steps" in changes}
    needed = groups.needs(known.groups.groups)
    assert deaf >= {"gop_8", "crf_38", "qwen3_vl"}
    assert all("model.audio.tokens" not in known.change(run) for base in deaf for run in needed[base])


def test_a_table_moves_to_another_host_with_all_its_rows_and_one_that_varies_the_host_does_not(
    tree: Path, capsys: pytest.CaptureFixture[str]
):
    known = groups.read(tree)
    moved = known.groups.find("lora_rank", "qwen3_vl")
    (job,) = groups.plan(tree, known, groups.needs({"lora_rank": moved}), [0])
    assert (job.base, job.place.name) == ("qwen3_vl", "qwen3_vl-0")
    assert params.load(job.place / "params.yaml", "lora_2").model.host.name == "qwen3_vl"
    assert moved.reference("lora_2") == "full"
    assert groups.called("lora_rank", "qwen3_vl") == "lora_rank_on_qwen3_vl"
    assert "duration" in known.groups.of_papers()
    assert "duration" not in known.groups.of_papers("qwen3_vl")
    with pytest.raises(ValueError, match=r"cannot move to base `qwen3_vl`: its rows name bases \(gop_32, gop_8\)"):
        known.groups.find("duration", "qwen3_vl")
    assert groups.main(["fusion", "--base", "qwen4"]) == 1
    assert "no base `qwen4`; there are: crf_30" in capsys.readouterr().err


def test_the_ear_is_taught_in_full_where_a_moved_table_listens():
    known = groups.read(ROOT)
    assert "hear.steps" in known.differences("qwen3_vl", ["full", "rivals"])
    for listening in ("audio", "grpo", "vanao", "hipposense"):
        assert "hear.steps" not in known.differences("qwen3_vl", ["full", listening]), listening


def test_every_rival_that_a_group_names_is_tried_in_its_base_and_others_are_refused():
    known = groups.read(ROOT)
    groups.check(ROOT, known, known.groups.groups)
    rows = {"full": {}, "odd": {"rival": "panel", "base": "frames_7"}}
    odd = groups.Group.model_validate({"title": "Odd", "shown": [{"type": "hidden"}], "against": "full", "rows": rows})
    with pytest.raises(ValueError, match="`panel` is none of the rivals of base `frames_7`: dense, look_m, hermes"):
        groups.check(ROOT, known, {"odd": odd})


def test_all_tables_are_those_of_the_papers():
    assert "scene_anchors" not in groups.read(ROOT).groups.of_papers()
    assert "training_free" in groups.read(ROOT).groups.of_papers()


def test_an_unknown_table_is_answered_with_those_that_are_there(capsys: pytest.CaptureFixture[str]):
    assert groups.main(["fuison", "--plan"]) == 1
    assert "no table `fuison`; there are: stream_composition, anchors" in capsys.readouterr().err


def test_claims_that_share_seeds_are_planned_together():
    found = claims.claims_data.load(ROOT / "claims.yaml")
    chosen = {name: found[name] for name in ("stage_1_helps", "all_beat_two", "gain_grows_with_gaps")}
    assert claims.by_seeds(chosen, None) == [
        (
            (0, 1, 2, 3, 4),
            {
                "shared": ["full", "no_stage_1", "mv_residual"],
                "gop_32": ["full", "anchors"],
                "gop_8": ["full", "anchors"],
            },
        )
    ]


def test_claims_are_settled_in_order_ask_for_no_run_twice_and_stand_when_others_fail(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, list[str]]] = []

    def compute(jobs: list[groups.Job], _: int | None) -> dict[Path, set[str]]:
        asked.extend((job.place.name, job.runs) for job in jobs)
        return {job.place: {"anchors"} for job in jobs if job.base == "gop_8"}

    monkeypatch.setattr(groups, "compute", compute)
    look = places.Outlook([], ["host", "sft@full", "sft@mv"], [], {}, {})
    work = claims.Work([groups.Job(base, 0, Path(f"{base}-0"), [], look) for base in ("shared", "gop_8")])
    shipped = claims.claims_data.load(ROOT / "claims.yaml")
    first = next(iter(shipped))
    assert work.make(shipped[first], [0], None)
    assert work.make(shipped["static_is_kept"], [0], None), "the same two runs"
    assert work.make(shipped["stage_1_helps"], [0], None)
    assert asked == [("shared-0", ["full", "anchors"]), ("shared-0", ["no_stage_1"])]
    long = shipped["gain_grows_with_gaps"].model_copy(update={"terms": {"full@gop_8": 1, "anchors@gop_8": -1}})
    assert not work.make(long, [0], None)
    assert not work.make(long, [0], None), "what failed is not tried again"
    assert asked[2:] == [("gop_8-0", ["full", "anchors"])]
    assert work.failed == {Path("gop_8-0"): {"anchors"}}
    assert work.make(shipped["two_beat_mv"], [0], None), "what does not need it goes on"


def test_a_run_that_fails_costs_the_tables_that_show_it_and_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    known, shown = groups.read(ROOT), list[str]()
    look = places.Outlook([], ["evaluate@fusion_softmax"], [], {}, {})

    def plan(_root: Path, _known: groups.Known, needed: dict[str, list[str]], _seeds: list[int]) -> list[groups.Job]:
        return [groups.Job(base, 0, ROOT / f"{base}-0", runs, look) for base, runs in needed.items()]

    monkeypatch.setattr(groups, "plan", plan)
    monkeypatch.setattr(groups, "told", lambda _: "")
    monkeypatch.setattr(groups, "read", lambda _: known)
    monkeypatch.setattr(groups, "show", lambda _known, chosen, _jobs: shown.extend(chosen))
    monkeypatch.setattr(places, "run", lambda *_, **__: 1)
    monkeypatch.setattr(places, "look", lambda *_: look)
    assert groups.main(["fusion", "lora_rank"]) == 1
    assert shown == ["lora_rank"]
    assert "no table `fusion`, for lack of shared-0: fusion_softmax" in capsys.readouterr().err


def test_seeds_go_side_by_side_and_the_places_of_one_seed_one_after_another(monkeypatch: pytest.MonkeyPatch):
    look = places.Outlook([], ["evaluate@full"], [], {}, {})
    jobs = [
        groups.Job(base, seed, Path(f"{base}-{seed}"), ["full"], look)
        for base in ("shared", "gop_8")
        for seed in (0, 1)
    ]
    together = threading.Barrier(2, timeout=30)
    ended: list[str] = []

    def run(place: Path, *_: object, max_parallel: int | None) -> int:
        assert max_parallel == 2, "four stages in all"
        together.wait()
        ended.append(place.name)
        return 0

    monkeypatch.setattr(places, "run", run)
    assert groups.compute(jobs, 4) == {}
    assert [set(ended[:2]), set(ended[2:])] == [{"shared-0", "shared-1"}, {"gop_8-0", "gop_8-1"}]
    assert [groups.shared_out(*each) for each in ((2, 5), (5, 2), (4, 1), (1, 3), (2, 0))] == [
        (2, 1),
        (2, 2),
        (1, 4),
        (1, 1),
        (1, 2),
    ]


@pytest.mark.parametrize(("command", "name"), [(groups.main, "lora_rank"), (claims.main, "stage_1_helps")])
def test_an_interruption_is_told_in_one_line(
    command: Callable[[list[str]], int], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(groups, "plan", interrupted)
    assert command([name]) == 130
    assert "interrupted; the same command goes on from what is made" in capsys.readouterr().err


def test_an_interruption_ends_the_places_that_wait_and_a_failure_does_not(monkeypatch: pytest.MonkeyPatch):
    look = places.Outlook([], ["evaluate@full"], [], {}, {})
    jobs = [groups.Job(base, 0, Path(base), ["full"], look) for base in ("shared", "gop_8", "gop_32", "crf_30")]
    codes = {"shared": 1, "gop_8": 0, "gop_32": 130}
    monkeypatch.setattr(places, "run", lambda place, *_, **__: codes[place.name])
    monkeypatch.setattr(places, "look", lambda *_: look)
    assert set(groups.compute(jobs, 1)) == {Path("shared"), Path("gop_32"), Path("crf_30")}


@pytest.mark.parametrize(("codes", "code", "passes"), [([1, 0, 0], 0, 3), ([1, 0, 1], 1, 3), ([130], 130, 1)])
def test_an_alignment_that_fails_keeps_no_other_run_from_being_made_and_an_interruption_does(
    codes: list[int], code: int, passes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    runs: dict[str, dict[str, int]] = {"lora_4": {"sft.lora.rank": 4}, "lora_8": {"sft.lora.rank": 8}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"runs": runs}))
    said = iter(codes)
    calls: list[tuple[str, ...]] = []

    def pipeline(_place: Path, *words: str, quiet: bool) -> subprocess.CompletedProcess[str]:
        calls.append(words)
        return subprocess.CompletedProcess(words, next(said))

    monkeypatch.setattr(places, "_python", pipeline)
    missing = ["align@lora_4", "align@lora_8", "evaluate@lora_4"]
    assert places.run(tmp_path, ["evaluate@lora_4", "evaluate@lora_8"], missing) == code
    assert len(calls) == passes


def test_a_claim_on_fewer_than_five_seeds_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        claims.main(["--seeds", "0", "1", "1", "1", "2"])
    assert "at least 5 different seeds" in capsys.readouterr().err
