"""`python -m flows.ladder [SEED ...]`: HippoVLM's ladder of ablations on the micro world, and the shortcuts it takes.

Every rung is taught or reinforced by the stages of the graph, with the differences of profiles/ladder.yaml, on the
host, features and tables of a finished `make repro`; one seed after the other, each with its own Stage 2, reinforcement
and samples. What is finished is kept while its values stay the same. The table goes to data/ladder/ladder.md.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from codecsense import config
from codecsense.clips import Clips, Features
from codecsense.evaluation.shortcuts import answer_deprived, conflicts
from codecsense.evaluation.statistics import Estimate, Resampling, accuracy, paired_difference
from codecsense.schemas import questions as questions_table
from codecsense.schemas import shortcuts as shortcuts_table
from codecsense.streams.store import StreamStore
from codecsense.training import checkpoints
from flows import stage
from stages import params

LADDER = Path("data/ladder")
LEGEND = """
Percent, with intervals over clips, all seeds together. *Over its start*: paired by question, against the rung that it
was reinforced from. *Without*: that sense is out of the sequence, its summary says nothing. *Follows*: where sight
alone and sound alone lead to different answers and that sense is wrong, how often the answer is its all the same. *KL*:
to the reference, the largest mean of ten steps at any seed."""
RESAMPLING = Resampling(draws=2000, seed=0, confidence=0.95)


class Ladder(config.Config):
    """profiles/ladder.yaml."""

    seeds: list[int]
    questions: int
    stage_1: str
    every: dict[str, Any]
    taught: dict[str, dict[str, Any]]
    reinforced: dict[str, dict[str, Any]]


def main(arguments: Sequence[str]) -> int:
    """Climb, and print the table as Markdown, ready for LOG.md."""
    if not all(each.isdecimal() for each in arguments):
        print("usage: python -m flows.ladder [SEED ...]", file=sys.stderr)
        return 1
    stage.quiet()
    ladder = Ladder.model_validate(config.read(Path("profiles/ladder.yaml")))
    paths = {name: Path(path) for name, path in config.read(Path("dvc.yaml"))["vars"][0]["paths"].items()}
    seeds = [int(seed) for seed in arguments] or ladder.seeds
    for seed in seeds:
        for rung in [*ladder.taught, *ladder.reinforced]:
            climb(ladder, rung, seed, paths)
    text = table(ladder, seeds) + "\n" + LEGEND
    (LADDER / "ladder.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def climb(ladder: Ladder, rung: str, seed: int, paths: Mapping[str, Path]) -> None:
    """Make one rung at one seed, and its answers, unless they are there with the same values."""
    place, start = LADDER / str(seed) / rung, start_of(ladder, rung)
    sections = sections_of(ladder, rung, seed)
    made = json.loads(sections.model_dump_json(include={"seed", "model", "sft", "blind", "vanao", "two_stage"}))
    if (place / "made.json").is_file() and json.loads((place / "made.json").read_text()) == made:
        return
    print(f"== {rung}, seed {seed}", flush=True)
    known = {name: paths[name] for name in ("streams", "encoded", "weights")}
    common = {"seed": seed, "model": sections.model, **known}
    output, scratch = place / "checkpoint", paths["scratch"]
    if start is None:
        texts = {name: paths[name] for name in ("questions", "captions", "rationales")}
        aligned = Path("data/runs") / ladder.stage_1 / "align"
        (place / "blind.parquet").unlink(missing_ok=True)  # measured on the weights that are made anew
        stage.find("sft")(sft=sections.sft, **common, **texts, aligned=aligned, checkpoint=output, scratch=scratch)
    else:
        reference, baseline = LADDER / str(seed) / start / "checkpoint", LADDER / str(seed) / start / "blind.parquet"
        if not baseline.is_file():
            ways = {"blind": sections.blind, "two_stage": sections.two_stage, "questions": paths["questions"]}
            stage.find("blind")(**common, **ways, reference=reference, baseline=baseline, scratch=scratch)
        begun = {"baseline": baseline, "reference": reference, "checkpoint": output, "scratch": scratch}
        stage.find("vanao")(vanao=sections.vanao, **common, **begun)
    _answer(ladder, rung, place, sections, paths)
    (place / "made.json").write_text(json.dumps(made, indent=1))


def start_of(ladder: Ladder, rung: str) -> str | None:
    """The rung that this one is reinforced from; None for one that Stage 2 makes."""
    return None if rung in ladder.taught else str(ladder.reinforced[rung]["start"])


def sections_of(ladder: Ladder, rung: str, seed: int) -> params.Params:
    """params.yaml with everything that this rung changes, checked like any run."""
    values, start = config.read(Path("params.yaml")), start_of(ladder, rung)
    sections = {dotted.split(".")[0] for dotted in ladder.every} - {"sft"}
    below = {key: value for key, value in ladder.every.items() if key.split(".")[0] in sections}
    base = values["runs"][ladder.stage_1] | {key: ladder.every[key] for key in ladder.every if key not in below}
    taught = {start or rung: base | ladder.taught[start or rung]}
    own = {key: value for key, value in ladder.reinforced.get(rung, {}).items() if key != "start"}
    values |= {"seed": seed, "runs": taught, "rl_runs": {rung: own} if start else {}}
    values["evaluated"] = [*values["runs"], *values["rl_runs"]]
    for dotted, value in below.items():
        section, key = dotted.split(".")
        values[section][key] = value
    values["vanao"]["start"] = start or rung
    file = LADDER / "params" / f"{rung}_{seed}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return params.load(file, rung)


def _answer(ladder: Ladder, rung: str, place: Path, sections: params.Params, paths: Mapping[str, Path]) -> None:
    asked = questions_table.read(paths["questions"]).filter((pl.col("split") == "test") & (pl.col("type") == "joint"))
    some = asked.sort("question_id").sample(min(ladder.questions, len(asked)), seed=0)
    states = Features.read(paths["encoded"] / "features.safetensors")
    clips = Clips(some["clip_id"].unique().sort().to_list(), states, StreamStore(paths["streams"]))
    network = checkpoints.load_trained(place / "checkpoint", weights=paths["weights"])
    answers = answer_deprived(network, clips, some, sections.two_stage, run=rung)
    shortcuts_table.write(answers, place / "answers.parquet")


def table(ladder: Ladder, seeds: Sequence[int]) -> str:
    """A row per rung: accuracy, what it gained over its start, accuracy with a sense hidden, and shortcuts taken."""
    head = ["rung", "right", "by seed", "over its start", "without sound", "without sight"]
    head += ["follows sight", "follows sound", "KL"]
    lines = [f"| {' | '.join(head)} |", f"| :-- |{' --: |' * (len(head) - 1)}"]
    known = {rung: _read(rung, seeds) for rung in [*ladder.taught, *ladder.reinforced]}
    for rung, found in known.items():
        start = start_of(ladder, rung)
        whole = found["nothing"]
        gain = "" if start is None else _shown(_difference(whole, known[start]["nothing"]))
        seeded = " / ".join(f"{_accuracy(own).value:.1%}".rstrip("%") for own in whole.partition_by("seed"))
        alone = [_shown(_accuracy(found[hidden])) for hidden in ("sound", "sight")]
        led = [_shown(_followed(found, sense)) for sense in ("sound", "sight")]
        cells = [rung, _shown(_accuracy(whole)), seeded, gain, *alone, *led, _kl(rung, seeds)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _read(rung: str, seeds: Sequence[int]) -> dict[str, pl.DataFrame]:
    """The answers of all seeds by what was hidden, in one order of questions."""
    frames = [
        shortcuts_table.read(LADDER / str(seed) / rung / "answers.parquet").with_columns(seed=pl.lit(seed))
        for seed in seeds
    ]
    everything = pl.concat(frames).sort("seed", "question_id")
    return {hidden: everything.filter(pl.col("hidden") == hidden) for hidden in shortcuts_table.HIDDEN}


def _accuracy(answers: pl.DataFrame) -> Estimate:
    return accuracy(answers["correct"].to_numpy(), answers["clip_id"].to_numpy(), RESAMPLING)


def _difference(first: pl.DataFrame, second: pl.DataFrame) -> Estimate:
    """Over all seeds, paired by seed and question; clips are resampled."""
    correct = {"first": first["correct"].to_numpy(), "second": second["correct"].to_numpy()}
    return paired_difference(**correct, clips=first["clip_id"].to_numpy(), resampling=RESAMPLING)


def _followed(found: Mapping[str, pl.DataFrame], hidden: str) -> Estimate | None:
    """How often the answer is the wrong one that the sense which is left gives, where the two senses conflict.

    Nothing where they conflict in fewer than two clips.
    """
    whole, alone = found["nothing"], found[hidden]
    other = found["sight" if hidden == "sound" else "sound"]
    said = [frame["predicted"].to_numpy() for frame in (alone, other)]
    at = conflicts(alone=said[0], other=said[1], gold=whole["gold"].to_numpy())
    followed = np.asarray(whole["predicted"].to_numpy() == said[0], dtype=bool)
    clips = whole["clip_id"].to_numpy()[at]
    return accuracy(followed[at], clips, RESAMPLING) if len(set(clips.tolist())) > 1 else None


def _kl(rung: str, seeds: Sequence[int]) -> str:
    """The largest mean over ten steps of the KL to the reference, at any seed."""
    peaks = []
    for seed in seeds:
        curve = pl.read_csv(LADDER / str(seed) / rung / "checkpoint" / "curve.csv")
        if "kl" in curve.columns:
            peaks.append(max(curve["kl"].rolling_mean(min(10, len(curve))).drop_nulls()))
    return f"{max(peaks):.2f}" if peaks else ""


def _shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return "no conflict"
    value, low, high = (f"{100 * each:.1f}" for each in estimate)
    return f"{value} [{low}, {high}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
