"""The ladder: every rung is a valid run with its own differences, and the table says what the answers say."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from codecsense import config
from codecsense.schemas import shortcuts as shortcuts_table
from flows import ladder, stage

ROOT = Path(__file__).parents[2]
LADDER = ladder.Ladder.model_validate(config.read(ROOT / "profiles/ladder.yaml"))
RUNGS = ["baseline", "sft", "hippo_sense", "baseline_grpo", "sft_dpo", "sft_grpo", "hippo_sense_vanao"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "LADDER", tmp_path)
    monkeypatch.chdir(ROOT)


def test_every_rung_differs_from_the_others_by_what_its_name_says():
    found = {rung: ladder.sections_of(LADDER, rung, 1) for rung in RUNGS}
    assert [*LADDER.taught, *LADDER.reinforced] == RUNGS
    assert {rung: own.sft.reasoned for rung, own in found.items()} == dict.fromkeys(RUNGS, 1) | {
        "baseline": 0,
        "baseline_grpo": 0,
    }
    sensed = {rung for rung, own in found.items() if own.sft.sense.batch}
    assert sensed == {"hippo_sense", "hippo_sense_vanao"}
    assert {rung for rung, own in found.items() if own.vanao.objective == "dpo"} == {"sft_dpo"}
    paid = {rung: [reward.name for reward in own.vanao.rewards] for rung, own in found.items()}
    assert "synergy" in paid["hippo_sense_vanao"]
    assert paid["sft_grpo"] == paid["sft_dpo"] == paid["baseline_grpo"] == ["format", "length", "accuracy"]
    assert {(own.seed, own.sft.steps, own.vanao.steps, own.model.audio.tokens) for own in found.values()} == {
        (1, LADDER.every["sft.steps"], LADDER.every["vanao.steps"], 4)
    }


def test_a_reinforced_rung_starts_from_the_one_it_names():
    assert [ladder.start_of(LADDER, rung) for rung in RUNGS] == [
        None,
        None,
        None,
        "baseline",
        "sft",
        "sft",
        "hippo_sense",
    ]
    assert ladder.sections_of(LADDER, "sft_dpo", 0).vanao.start == "sft"


def test_the_table_holds_gains_over_the_start_and_wrong_senses_followed(tmp_path: Path):
    """Reinforcement makes two more of four right; before it, one of two conflicts ends as sight alone has it."""
    for seed in (0, 1):
        put(tmp_path, seed, "baseline", whole=["left", "down", "up", "up"])
        put(tmp_path, seed, "baseline_grpo", whole=["left", "left", "left", "up"])
    only = LADDER.model_copy(
        update={"taught": {"baseline": {}}, "reinforced": {"baseline_grpo": LADDER.reinforced["baseline_grpo"]}}
    )
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ladder.table(only, [0, 1]).splitlines()]
    rows = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}
    assert rows["baseline"]["right"].startswith("25.0 [")
    assert rows["baseline_grpo"]["right"].startswith("75.0 [")
    assert rows["baseline_grpo"]["by seed"] == "75.0 / 75.0"
    assert rows["baseline_grpo"]["over its start"].startswith("50.0 [")
    assert rows["baseline"]["without sound"].startswith("50.0 [")
    assert rows["baseline"]["follows sight"].startswith("50.0 [")
    assert rows["baseline_grpo"]["follows sight"].startswith("0.0 [")
    assert rows["baseline"]["follows sound"] == "no conflict"
    assert rows["baseline_grpo"]["KL"] == "0.30"


def test_every_stage_is_given_what_it_takes_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Stages stand in for themselves here: they note what they are given, and leave the files that others look for."""
    called: list[str] = []
    find = stage.find

    def noted(name: str) -> Callable[..., None]:
        def work(**given: Any) -> None:
            inspect.signature(find(name)).bind(**given)
            made = given["baseline"] if name == "blind" else given["checkpoint"]
            made.parent.mkdir(parents=True, exist_ok=True)
            made.touch()
            called.append(name)

        return work

    monkeypatch.setattr(ladder.stage, "find", noted)
    monkeypatch.setattr(ladder, "_answer", lambda *given: None)
    paths = {name: Path(path) for name, path in config.read(ROOT / "dvc.yaml")["vars"][0]["paths"].items()}
    for _ in range(2):
        for rung in RUNGS:
            ladder.climb(LADDER, rung, 0, paths)
    assert called == ["sft"] * 3 + ["blind", "vanao"] * 2 + ["vanao", "blind", "vanao"]
    other = LADDER.model_copy(update={"every": LADDER.every | {"sft.steps": 7}})
    ladder.climb(other, "sft", 0, paths)
    assert not (tmp_path / "0/sft/blind.parquet").exists(), "it was measured on other weights"
    assert called[-1] == "sft"


def put(place: Path, seed: int, rung: str, *, whole: list[str]) -> None:
    """Answers and a curve of a rung; sight alone is wrong twice, and sound alone says nothing at all."""
    said = {"nothing": whole, "sound": ["left", "down", "down", "left"], "sight": [""] * 4}
    folder = place / str(seed) / rung
    (folder / "checkpoint").mkdir(parents=True)
    rows = [
        {
            "run": rung,
            "hidden": hidden,
            "question_id": f"q{number}",
            "clip_id": f"c{number // 2}" if number < 3 else "c2",
            "kind": "way",
            "gold": "left",
            "response": word,
            "predicted": word,
            "correct": word == "left",
        }
        for hidden, words in said.items()
        for number, word in enumerate(words)
    ]
    shortcuts_table.write(pl.DataFrame(rows), folder / "answers.parquet")
    pl.DataFrame({"step": [0, 1], "kl": [0.2, 0.4]}).write_csv(folder / "checkpoint" / "curve.csv")
