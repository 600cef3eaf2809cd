"""A real Prefect server on loopback, its data in a folder of its own.

python tests/loopback_prefect.py FOLDER    # until interrupted; prints the line that points runs at it
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from slurm.loopback import free_ports

from flows import processes

PATIENCE_S = 300.0  # importing a server takes a while on a machine with other work


class Server:
    """One server; it can be started again after it was ended, at the same address and with the same data."""

    def __init__(self, folder: Path, *, auth: str = "") -> None:
        self.folder, self.auth = folder, auth
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        told = {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_UI_API_URL": self.url,
        }
        told |= {"PREFECT_SERVER_API_AUTH_STRING": self.auth} if self.auth else {}
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env={**clean, **told}, stdout=log, stderr=log, preexec_fn=processes.begin_as_child
            )
        limit = time.monotonic() + PATIENCE_S
        while not self.healthy():
            said = (self.folder / "log").read_text()
            assert self.process.poll() is None, said
            assert time.monotonic() < limit, said
            time.sleep(0.3)
        return self

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self._request("/health"), timeout=5):
                return True
        except OSError:
            return False

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What it answers; with a body it is a POST."""
        with urllib.request.urlopen(self._request(path, body), timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else {}

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every `flow_runs`, `task_runs`, `logs` or `artifacts` that it has been told of."""
        found: list[dict[str, Any]] = []
        while page := self.ask(f"/{kind}/filter", {"offset": len(found), "limit": 200}):
            found += page
        return found

    def run_named(self, name: str) -> dict[str, Any]:
        """The only flow run whose name begins so."""
        (found,) = [run for run in self.all("flow_runs") if run["name"].startswith(name)]
        return found

    def page(self, path: str) -> str:
        """The address of a page of its UI."""
        return f"http://127.0.0.1:{self.port}{path}"

    def _request(self, path: str, body: dict[str, Any] | None = None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"}
        if self.auth:
            headers["Authorization"] = f"Basic {base64.b64encode(self.auth.encode()).decode()}"
        return urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode() if body is not None else None, headers
        )


def main() -> int:
    """Serve until interrupted."""
    server = Server(Path(sys.argv[1])).start()
    print(f"export PREFECT_API_URL={server.url}", flush=True)
    try:
        assert server.process is not None
        return server.process.wait()
    except KeyboardInterrupt:
        server.end()
        return 0


if __name__ == "__main__":
    sys.exit(main())
