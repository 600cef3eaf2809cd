"""Chromium without a screen, told by its DevTools protocol [1] to open a page, wait for words, press and take pictures.

References:
    [1] https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slurm.loopback import free_ports

from flows import processes

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 120.0


def program() -> str | None:
    """A browser, if there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Page:
    """One page of a browser."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.number = socket, 0

    def open(self, url: str, *words: str) -> str:
        """The text of the page at `url`, once all of `words` are on it."""
        self._tell("Page.navigate", url=url)
        return self.read(*words)

    def read(self, *words: str) -> str:
        """The text of the page, once all of `words` are on it."""
        limit = time.monotonic() + PATIENCE_S
        while True:
            seen = str(self._run("document.body ? document.body.innerText : ''"))
            if all(word in seen for word in words):
                return seen
            assert time.monotonic() < limit, f"{words} never appeared on the page, which says: {seen}"
            time.sleep(0.3)

    def press(self, words: str) -> None:
        """Press the button or the tab that says `words`."""
        self.read(words)
        boxes = "[...document.querySelectorAll('button,a,[role=tab],[role=menuitem]')]"
        found = f"{boxes}.find(each => each.innerText.trim() == {words!r})"
        place = self._run(f"(() => {{ const box = {found}.getBoundingClientRect(); return [box.x + 9, box.y + 9] }})()")
        for kind in ("mousePressed", "mouseReleased"):
            self._tell("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def picture(self, file: Path) -> None:
        """Write the page as it is seen, after it has come to rest."""
        time.sleep(2.0)
        file.write_bytes(base64.b64decode(self._tell("Page.captureScreenshot", format="png")["data"]))

    def _run(self, script: str) -> Any:
        return self._tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def _tell(self, method: str, **params: object) -> dict[str, Any]:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while (answer := json.loads(self.socket.recv(timeout=PATIENCE_S))).get("id") != self.number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result


@contextmanager
def page(folder: Path, *, width: int = 1440, height: int = 900) -> Iterator[Page]:
    """A page of a browser that keeps what it must keep in `folder`, and ends with this block."""
    from websockets.sync.client import connect

    found, port = program(), free_ports(1)[0]
    assert found, f"none of {', '.join(PROGRAMS)} is installed"
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    options += [f"--user-data-dir={folder}", f"--window-size={width},{height}", f"--remote-debugging-port={port}"]
    process = subprocess.Popen(
        [found, *options, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=processes.begin_as_child,
    )
    try:
        with connect(_address(port), max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait()


def _address(port: int) -> str:
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                pages = [each for each in json.load(answer) if each["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError("the browser does not answer")
