"""What runs on a node: one stage as a job, or one share or one process of it.

A job leaves `JOB_ended.json` when its work is over, and then also the stage's results once more (as hard links):
whoever submitted it may be gone, and DVC empties a stage's outputs before it asks for them again.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Work:
    """A stage's command for a node; pickled by submitit, so it holds plain values alone."""

    label: str
    argv: Sequence[str]
    root: str
    folder: str
    outs: Sequence[str]
    share: str = ""  # `2/16`: the third of sixteen

    def __call__(self) -> int:
        """Run the stage here and leave word of how it ended; its exit code."""
        from submitit.core.utils import UncompletedJobError

        job, rank = _place_in_job()
        os.chdir(self.root)
        os.environ |= {"DVC_STAGE": self.label, "CODECSENSE_CLUSTER": "inline", "CODECSENSE_SHARE": self.share}
        started = time.time()
        try:
            code = self._run()
        except UncompletedJobError as error:
            self._leave(job, rank, {"code": 1, "reason": str(error)})
            raise SystemExit(1) from None  # nothing went wrong in the code: no traceback
        if code == 0 and rank == 0 and not self.share:
            keep(self.outs, Path(self.root), kept(self.folder, job))
        self._leave(job, rank, {"code": code, "seconds": round(time.time() - started, 1), "node": socket.gethostname()})
        return code

    def checkpoint(self) -> Any:
        """What submitit submits again after the time limit: the same, for progress is on disk."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _run(self) -> int:
        from flows import stage

        return stage.main(list(self.argv))

    def _leave(self, job: str, rank: int, said: dict[str, Any]) -> None:
        if rank == 0:
            file = ended(self.folder, job)
            partial = file.with_name(f".{file.name}")
            partial.write_text(json.dumps(said), encoding="utf-8")
            partial.replace(file)


def ended(folder: str | Path, job: str) -> Path:
    """Where a job leaves word of how it ended."""
    return Path(folder) / f"{job}_ended.json"


def kept(folder: str | Path, job: str) -> Path:
    """Where a job leaves the stage's results once more."""
    return Path(folder) / f"{job}_outs"


def keep(outs: Sequence[str], root: Path, place: Path) -> None:
    """The results again under `place`, as hard links: they cost no room, and stay when DVC empties the outputs."""
    shutil.rmtree(place, ignore_errors=True)
    for out in outs:
        source, target = root / out, place / out
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, copy_function=os.link)
        else:
            os.link(source, target)


def bring_back(outs: Sequence[str], root: Path, place: Path) -> None:
    """Put those results that DVC has emptied since back where the stage writes them; what is there is left alone."""
    for out in outs:
        target = root / out
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        (place / out).replace(target)
    shutil.rmtree(place)


def _place_in_job() -> tuple[str, int]:
    """This job and the number of this process in it; several find each other as torch expects it."""
    from submitit import JobEnvironment

    job = JobEnvironment()
    if job.num_tasks > 1:
        from submitit.helpers import TorchDistributedEnvironment

        found = TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        os.environ["MASTER_ADDR"] = reachable(found.master_addr, os.environ)
    return job.job_id, job.global_rank


def reachable(node: str, environment: Mapping[str, str]) -> str:
    """Where the first node's processes are found: by its name, or, where only Slurm knows that, by its address.

    Slurm may call a node otherwise than the network does; torch would look for such a name for half an hour.
    """
    try:
        socket.getaddrinfo(node, None)
    except OSError:
        return environment.get("SLURM_LAUNCH_NODE_IPADDR", node)  # srun runs in the batch script, on the first node
    return node
