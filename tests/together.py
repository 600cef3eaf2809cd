"""Several processes that train together, for tests: forked, so they start at once, and heard through files."""

import multiprocessing
import os
import socket
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

PATIENCE_S = 250.0  # a process that waits for another in vain is ended after this


def together(number: int, work: Callable[[], Any], folder: Path) -> list[Any]:
    """What `work` returns in each of `number` processes, by rank; an error in one of them is an error here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*", category=DeprecationWarning)
        workers = [
            context.Process(target=_run, args=(rank, number, port, work, folder), daemon=True) for rank in range(number)
        ]
        for worker in workers:
            worker.start()
    for worker in workers:
        worker.join(PATIENCE_S)
    hung = [rank for rank, worker in enumerate(workers) if worker.is_alive()]
    for worker in workers:
        worker.kill()
    failed = [file.read_text() for file in sorted(folder.glob("*.error"))]
    assert not failed, "\n".join(failed)
    assert not hung, f"processes {hung} waited {PATIENCE_S} s in vain"
    return [torch.load(folder / f"{rank}.result", weights_only=True) for rank in range(number)]


def _run(rank: int, number: int, port: int, work: Callable[[], Any], folder: Path) -> None:
    from accelerate.state import AcceleratorState

    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": rank, "LOCAL_RANK": rank}
    sizes = {"WORLD_SIZE": number, "LOCAL_WORLD_SIZE": number}
    os.environ.update({name: str(value) for name, value in {**place, **sizes}.items()})
    AcceleratorState._reset_state(reset_partial_state=True)  # what the parent knew was that it is alone
    try:
        torch.save(work(), folder / f"{rank}.result")
    except BaseException:
        (folder / f"{rank}.error").write_text(f"process {rank}: {traceback.format_exc()}")
    finally:
        os._exit(0)  # whatever the parent had open is the parent's to close
