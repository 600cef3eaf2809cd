"""`python -m flows.serve`: lets a member start runs from the Prefect UI, with a target, a place and a profile.

It runs where the repository and its data are, beside a server that PREFECT_API_URL names, and waits for runs. What
is started is `python -m flows.pipeline`, as on the command line; its stages report into the run that was started.
A profile of `profiles/` runs in a clone of the last commit under data/scratch/profiles, so no result here changes.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

from prefect import flow, get_run_logger
from prefect.runtime import flow_run

from flows.clones import ROOT, clone, last_commit
from flows.observe import FLOW_RUN
from flows.processes import begin_as_child

CLONES = ROOT / "data" / "scratch" / "profiles"


@flow(name="codecsense", log_prints=False)
def run_graph(
    target: list[str] | None = None,
    place: Literal["inline", "local", "slurm"] = "inline",
    profile: str | None = None,
    force: bool = False,
    max_parallel: int | None = None,
) -> None:
    """Make `target` (stages, or groups of them such as `sft`; left empty, everything) at `place`, as `profile` says."""
    root = profiled(profile) if profile else Path()
    command = [sys.executable, "-m", "flows.pipeline"]
    for name in target or []:
        command += ["--target", name]
    if force:
        command.append("--force")
    if max_parallel:
        command += ["--max-parallel", str(max_parallel)]
    environment = {**os.environ, "CODECSENSE_CLUSTER": place, FLOW_RUN: str(flow_run.get_id())}
    logger = get_run_logger()
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=begin_as_child,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            logger.info(line.rstrip())
    if process.returncode:
        failed = [line.strip() for line in lines if " failed: " in line or line.startswith("error in ")]
        raise ValueError("; ".join(failed) or f"exit code {process.returncode}")


def profiled(name: str) -> Path:
    """A clone of the last commit with a profile laid over its values; ValueError where there is no such profile."""
    known = sorted(file.stem for file in (ROOT / "profiles").glob("*.yaml"))
    if name not in known:
        raise ValueError(f"there is no profile `{name}`; there are: {', '.join(known)}")
    commit = last_commit()
    place = clone(CLONES / f"{commit}-{name}", commit)
    subprocess.run(["git", "checkout", "--quiet", "params.yaml"], cwd=place, check=True)
    command = [sys.executable, "-m", "flows.profile", name]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return place


def main() -> int:
    """Wait for runs until interrupted."""
    if not os.environ.get("PREFECT_API_URL"):
        print("set PREFECT_API_URL to the server first; docs/cluster.md says how one is started", file=sys.stderr)
        return 1
    run_graph.serve(name="graph", description=__doc__, tags=["codecsense"], limit=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
