"""A stage as DVC starts it, against a bare script that calls its function, in one run; and `dvc repro` with no work.

    python speed/stage.py [--repeats 5] [--server] [--here]

The stage is `first` of tests/flows/toy, whose function takes no time of its own and whose values need no torch, and
`dataset` on 24 clips, whose values do. At most 3 s more is promised inline, 5 s with a Prefect server (`--server`
starts one), and 6 s for a `dvc repro` of this checkout that has nothing to do (`--here`; it must be up to date).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from loopback_prefect import Server  # noqa: E402
from tiny_place import Tiny  # noqa: E402
from toy_graph import Place, make_template  # noqa: E402

INLINE_S, SERVER_S, NOTHING_S = 3.0, 5.0, 6.0
FIRST = ["first", "--source", "source", "--target", "data/first"]
CALL_FIRST = (
    "from pathlib import Path; from stages.first import first; first(source=Path('source'), target=Path('data/first'))"
)
CALL_DATASET = """
from pathlib import Path
from codecsense import config
from codecsense.world.quiz import DatasetConfig
from stages.dataset import dataset
names = ("facts", "sounds", "questions", "captions", "rationales")
paths = {name: Path(f"data/tables/{name}.parquet") for name in names}
settings = DatasetConfig.model_validate(config.read(Path("params.yaml"))["dataset"])
dataset(dataset=settings, streams=Path("data/streams/world"), **paths)
"""


def main() -> None:
    """Print every difference beside what is promised; 1 if one is more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--server", action="store_true")
    parser.add_argument("--here", action="store_true")
    asked = parser.parse_args()
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        toy = Place(make_template(Path(folder) / "toy")).on(DVC_STAGE="first")
        tiny = Tiny(Path(folder) / "tiny")
        tiny.run("dvc", "repro", "extract@world", "dataset")
        command = next(node.argv for node in tiny.nodes() if node.name == "dataset")
        server = Server(Path(folder) / "server").start() if asked.server else None
        try:
            for place, argv, script in ((toy, FIRST, CALL_FIRST), (tiny.place, command, CALL_DATASET)):
                kept.append(compare(place, argv, script, asked.repeats, INLINE_S, {}))
                if server:
                    kept.append(compare(place, argv, script, asked.repeats, SERVER_S, {"PREFECT_API_URL": server.url}))
        finally:
            if server:
                server.end()
    if asked.here:
        kept.append(nothing(asked.repeats))
    sys.exit(not all(kept))


def compare(place: Place, argv: list[str], script: str, repeats: int, promised_s: float, told: dict[str, str]) -> bool:
    """Time both by turns and say how far apart they are."""
    as_stage, as_call = [], []
    for _ in range(repeats):
        as_call.append(seconds([sys.executable, "-c", script], place.root, place.environment))
        as_stage.append(
            seconds([sys.executable, "-m", "flows.stage", *argv], place.root, {**place.environment, **told})
        )
    more_s = statistics.median(as_stage) - statistics.median(as_call)
    where = "with a server" if told else "inline"
    both = f"stage {statistics.median(as_stage):.2f} s, call {statistics.median(as_call):.2f} s"
    print(f"{argv[0]}, {where}: {both}: {more_s:.2f} s more ({promised_s:g} promised)", flush=True)
    return more_s <= promised_s


def nothing(repeats: int) -> bool:
    """Time `dvc repro` of this checkout, which has nothing to do."""
    dvc = [sys.executable, "-m", "dvc"]
    if subprocess.run([*dvc, "status", "--quiet"], cwd=ROOT, check=False).returncode:
        sys.exit("this checkout is not up to date; `make repro` first, or leave --here out")
    taken = [seconds([*dvc, "repro"], ROOT, dict(os.environ)) for _ in range(repeats)]
    print(f"`dvc repro` with nothing to do: {statistics.median(taken):.2f} s ({NOTHING_S:g} promised)")
    return statistics.median(taken) <= NOTHING_S


def seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """How long a command takes."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
