"""A real Slurm on this machine alone, from Debian's packages: several nodes, counted GPUs, with or without accounting.

    python tests/slurm/loopback.py up FOLDER [--accounting]     # prints the line that points commands at it
    python tests/slurm/loopback.py down FOLDER
    python tests/slurm/loopback.py check [--accounting]         # says what is missing, and fails if anything is

Needs root and `apt-get install slurm-wlm munge` (with accounting also `slurmdbd mariadb-server`); no systemd. Nodes are
slurmd processes of one host with a port each; GPUs are null devices, so that they are counted and handed out.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

NODES = ("n1", "n2", "n3")
GPUS = 2
PROGRAMS = ("munged", "slurmctld", "slurmd", "squeue")
PATIENCE_S = 300.0
PORTS = range(18000, 32000)

CONFIG = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
MpiDefault=none
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
KillWait=2
SlurmdTimeout=10
SlurmctldTimeout=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=bf_interval=1,sched_interval=2,requeue_delay=1
{accounting}
{nodes}
PartitionName=usual Nodes=ALL Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP
"""
ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
"""
SLURMDBD = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""


def missing(*, accounting: bool = False) -> list[str]:
    """Programs and rights that a loopback Slurm and its tests need and this machine has not."""
    wanted = [*PROGRAMS, *(("slurmdbd", "mariadbd") if accounting else ())]
    lacking = [name for name in wanted if shutil.which(name) is None]
    return lacking + (_missing_rights() if os.geteuid() == 0 else ["root"])


def _missing_rights() -> list[str]:
    """What a root within a container may lack: making devices (the GPUs), and mounting (the full disk)."""
    lacking = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.mknod(Path(folder) / "device", 0o20666, os.makedev(1, 3))
        except OSError:
            lacking.append("the right to make devices")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True)
        if mounted.returncode:
            lacking.append("the right to mount")
        else:
            subprocess.run(["umount", folder], check=True)
    return lacking


class Loopback:
    """A Slurm in `folder`, all of it: configuration, state, logs and the numbers of its processes."""

    def __init__(self, folder: Path, *, accounting: bool = False) -> None:
        self.folder, self.accounting = folder.absolute(), accounting
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def up(self) -> None:
        """Start everything and wait until every node is idle."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        self._write_config()
        self._munge()
        if self.accounting:
            self._accounting()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.idle_nodes() == len(NODES), "nodes idle")

    def down(self) -> None:
        """End everything that `up` started, and the jobs, whatever state they are in."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            command = ["scancel", "--user", "root"]
            subprocess.run(command, env=self.environment, check=False, capture_output=True, timeout=30)
        for name in (*(f"slurmd.{node}" for node in NODES), "slurmctld", "slurmdbd", "mariadbd", "munged"):
            self.end(name)
        for process in [each for each in psutil.process_iter() if self._is_mine(each)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith("slurm") or "SLURM_JOB_ID" in process.environ():
                    process.kill()

    def start_controller(self) -> None:
        """Start slurmctld; its state is taken up again."""
        self._start("slurmctld", ["slurmctld", "-D"])

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self._start(f"slurmd.{node}", ["slurmd", "-D", "-N", node])

    def kill_node(self, node: str) -> None:
        """A node dies: its slurmd, and the steps on it with all that they started."""
        self.end(f"slurmd.{node}", signal.SIGKILL)
        for step in [each for each in psutil.process_iter() if each.name().startswith("slurmstepd")]:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = step.children(recursive=True)
                if any(self._is_mine(child, SLURMD_NODENAME=node) for child in children):
                    for process in (step, *children):
                        process.kill()

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """Send one daemon a signal and wait until it is gone."""
        file = self.folder / f"{name}.started"
        if not file.is_file():
            return
        pid = int(file.read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        wait_until(lambda: not _lives(pid), f"end of {name}")
        file.unlink()

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout + done.stderr

    def idle_nodes(self) -> int:
        """How many nodes wait for work."""
        return self.ask("sinfo", "--noheader", "--Node", "--partition=usual", "--format=%T").split().count("idle")

    def _write_config(self) -> None:
        ports = iter(free_ports(2 + len(NODES)))
        port, storage = next(ports), next(ports)
        values = {"folder": self.folder, "host": socket.gethostname().split(".")[0]}
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={values['host']} NodeAddr=127.0.0.1 Port={next(ports)} "
            f"CPUs=4 RealMemory=16000 Gres=gpu:{GPUS} State=UNKNOWN"
            for node in NODES
        )
        accounting = ACCOUNTING.format(port=storage, **values) if self.accounting else ""
        (self.folder / "slurm.conf").write_text(CONFIG.format(port=port, nodes=nodes, accounting=accounting, **values))
        devices = []
        for number in range(GPUS):
            device = self.folder / f"gpu{number}"
            if not device.exists():
                os.mknod(device, 0o20666, os.makedev(1, 3))
            devices.append(device)
        (self.folder / "gres.conf").write_text(
            "".join(f"NodeName={','.join(NODES)} Name=gpu File={device}\n" for device in devices)
        )
        storage_file = self.folder / "slurmdbd.conf"
        storage_file.write_text(SLURMDBD.format(port=storage, **values))
        storage_file.chmod(0o600)

    def _munge(self) -> None:
        key = self.folder / "munge.key"
        if not key.exists():
            key.write_bytes(os.urandom(128))
            key.chmod(0o400)
        self.folder.chmod(0o755)
        paths = {"key-file": key, "socket": self.folder / "munge.socket", "pid-file": self.folder / "munge.pid"}
        paths |= {"log-file": self.folder / "munge.log", "seed-file": self.folder / "munge.seed"}
        self._start(
            "munged", ["munged", "--foreground", "--force", *(f"--{name}={path}" for name, path in paths.items())]
        )
        wait_until((self.folder / "munge.socket").exists, "munge")

    def _accounting(self) -> None:
        data, sock = self.folder / "database", self.folder / "database.socket"
        if not data.exists():
            make = [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                "--user=root",
                "--auth-root-authentication-method=normal",
            ]
            subprocess.run(make, check=True, capture_output=True)
        server = [
            "mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={sock}",
            "--user=root",
            "--skip-networking",
        ]
        self._start("mariadbd", server)
        wait_until(sock.exists, "mariadb")
        self.environment["MYSQL_UNIX_PORT"] = str(sock)
        self._start("slurmdbd", ["slurmdbd", "-D"])
        wait_until(lambda: "loopback" in self.ask("sacctmgr", "-n", "list", "cluster") or self._register(), "slurmdbd")

    def _register(self) -> bool:
        return "Adding" in self.ask("sacctmgr", "-i", "add", "cluster", "loopback")

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        (self.folder / f"{name}.started").write_text(str(process.pid))
        process.returncode = 0  # it lives on by itself; `end` finds it by its number

    def _is_mine(self, process: psutil.Process, **variables: str) -> bool:
        """Whether it belongs to this Slurm, and has these environment variables."""
        try:
            found = process.environ()
        except psutil.Error:
            return False
        return {"SLURM_CONF": self.environment["SLURM_CONF"], **variables}.items() <= found.items()


def _lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return "Z" not in (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def free_ports(number: int) -> list[int]:
    """Ports of loopback that nobody listens on, below those that the kernel gives to whoever asks for any."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as each, contextlib.suppress(OSError):
            each.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == number:
            return found
    raise OSError(f"no {number} free ports between {PORTS.start} and {PORTS.stop}")


def wait_until(true: Callable[[], object], what: str) -> None:
    """Wait until `true()`; an error that names `what` after a while."""
    limit = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {PATIENCE_S:g} s in vain for: {what}")
        time.sleep(0.1)


def main() -> int:
    """Bring it up or take it down, as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["up", "down", "check"])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("/tmp/loopback-slurm"))
    parser.add_argument("--accounting", action="store_true")
    asked = parser.parse_args()
    if lacking := missing(accounting=asked.accounting):
        print(f"missing: {', '.join(lacking)}; see the top of {__file__}", file=sys.stderr)
        return 1
    if asked.what == "check":
        return 0
    slurm = Loopback(asked.folder, accounting=asked.accounting)
    if asked.what == "down":
        slurm.down()
        return 0
    slurm.up()
    print(f"export SLURM_CONF={slurm.environment['SLURM_CONF']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
