"""One process that has imported what stages need, and becomes each of them by fork: forty imports cost two minutes.

`flows.pipeline` keeps it (`kept`) while a graph is made in place, on Linux. `python -m flows.stage` then only stands in
for the stage (`ask`): it hands over its arguments, environment and outputs, passes on what it is told by signals, and
ends as the stage ends. Nothing else differs: code that was edited since is imported anew, in a process of its own.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from flows import processes

ADDRESS = "CODECSENSE_WARM"
OURS = ("codecsense", "flows", "stages")
LATE = ("peft", "transformers.models.auto.modeling_auto", "transformers.models.qwen2_5_vl.modeling_qwen2_5_vl")
STALE = b"stale"
HEAD_BYTES, ANSWER_BYTES = 8, 64


class Order(NamedTuple):
    """What a stand-in asks for."""

    argv: list[str]
    folder: str
    environment: dict[str, str]


@contextmanager
def kept(*, wanted: bool) -> Iterator[dict[str, str]]:
    """Keep a warm process while the work inside goes on; yields what the environment of stages must say of it."""
    if not wanted or sys.platform != "linux":
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="codecsense-") as place, socket.socket(socket.AF_UNIX) as door:
        address = f"{place}/door"  # in a folder of its owner alone, and short: an address has 108 characters at most
        door.bind(address)
        door.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.warm", str(door.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[door.fileno()],
            start_new_session=True,
            preexec_fn=processes.begin_as_child,
        )
        door.close()  # it is open there: where that process has ended, nobody waits for an answer
        try:
            yield {ADDRESS: address}
        finally:
            process.terminate()
            process.wait()


def ask(address: str, argv: Sequence[str]) -> int | None:
    """Have the process at `address` run a stage in this one's place; the exit code, or None if it cannot.

    It cannot if it has imported code that was edited since, or has itself ended.
    """
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(address)
        except OSError as error:
            print(f"no warm process answers ({error}); the stage is started anew", file=sys.stderr)
            return None
        order = json.dumps(Order(list(argv), str(Path.cwd()), dict(os.environ))).encode()
        socket.send_fds(line, [len(order).to_bytes(HEAD_BYTES)], [0, 1, 2])
        line.sendall(order)
        with processes.heard(processes.TOLD_TO_END, lambda number: _pass_on(line, number)):
            answer = line.recv(ANSWER_BYTES)
    if answer == STALE:
        return None
    if not answer:
        print("error: the warm process was ended while the stage ran; run it again", file=sys.stderr)
        return 1
    return _end_like(int(answer))


def main(argv: Sequence[str]) -> int:
    """Import, then wait for orders at the socket whose descriptor is given; each is run by a process forked off."""
    from flows import stage

    started = time.time()
    stage.limit_threads(stage.PARAMS_FILE, os.environ)
    threads = _threads()
    with socket.socket(fileno=int(argv[0])) as door:
        stage.quiet()
        preload(stage.known())
        order = _serve(door, started, threads)
    return run(order)


def run(order: Order) -> int:
    """Be the stage that was ordered: its folder, its environment, its arguments."""
    from flows import stage

    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv = [str(Path(stage.__file__)), *order.argv]
    processes.end_as_interrupted()
    return stage.main(order.argv)


def preload(stages: Sequence[str]) -> None:
    """Import all stages and what a model imports late; what cannot be imported is left for the stage itself to say."""
    for name in [*(f"stages.{stage}" for stage in ("params", *stages)), *LATE]:
        if name not in LATE or "torch" in sys.modules:
            with suppress(Exception):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is imported stays, and need not be looked at, nor copied, in every fork


def edited(since: float) -> bool:
    """Whether a file of ours that is imported here was changed, by whatever means, after `since` (seconds, epoch)."""
    ours = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in OURS]
    files = [Path(file) for module in ours if (file := getattr(module, "__file__", None))]
    return any(not file.exists() or file.stat().st_ctime > since for file in files)


def _serve(door: socket.socket, started: float, threads: object) -> Order:
    """Wait for orders without end; returns in a process that is to run one."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects keepers
    warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)  # allocators' sleepers
    while True:
        line, _ = door.accept()
        with line:
            if os.fork() == 0:
                return _keep(line, stale=edited(started) or _threads() != threads)


def _keep(line: socket.socket, *, stale: bool) -> Order:
    """Keep the process of a stage for the stand-in at `line`; returns in the process of the stage alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    processes.end_with_parent()
    order, descriptors = _receive(line)
    if stale:
        line.sendall(STALE)
        os._exit(0)
    pid = os.fork()
    with suppress(PermissionError):  # the other of us was quicker
        os.setpgid(pid, pid)
    for place, descriptor in enumerate(descriptors):
        if pid == 0:
            os.dup2(descriptor, place)
        os.close(descriptor)
    if pid == 0:
        processes.end_with_parent()
        return order
    _watch(pid, line)
    os._exit(0)


def _receive(line: socket.socket) -> tuple[Order, list[int]]:
    head, descriptors, _, _ = socket.recv_fds(line, HEAD_BYTES, 3)
    size, body = int.from_bytes(head), b""
    while len(body) < size:
        if not (more := line.recv(size - len(body))):
            os._exit(0)  # the stand-in is gone before it has said what it wants
        body += more
    return Order(*json.loads(body)), descriptors


def _watch(pid: int, line: socket.socket) -> None:
    """Pass signals on to a stage's group until the stage ends, then say how; end it if its stand-in is gone."""
    ended = os.pidfd_open(pid)
    with selectors.DefaultSelector() as ears:
        ears.register(ended, selectors.EVENT_READ)
        ears.register(line, selectors.EVENT_READ)
        while ended not in {key.fd for key, _ in ears.select()}:
            told = line.recv(ANSWER_BYTES)
            for number in told or [signal.SIGKILL]:
                os.killpg(pid, number)
            if not told:
                ears.unregister(line)
    os.killpg(pid, signal.SIGKILL)  # whatever it has left behind
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):
        line.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _pass_on(line: socket.socket, number: int) -> None:
    with suppress(OSError):  # it has ended
        line.send(bytes([number]))


def _end_like(code: int) -> int:
    """The exit code of the stage, or its end by a signal."""
    if code < 0:
        if -code in processes.TOLD_TO_END:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _threads() -> object:
    """What params.yaml says of threads; libraries read it once, when they are imported."""
    from codecsense import config
    from flows import stage

    return config.read(stage.PARAMS_FILE).get("threads")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
