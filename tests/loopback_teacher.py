"""A real HTTP server on loopback that speaks OpenAI's chat completions and misbehaves as it is told to.

It keeps books like a provider: what it charged, for which Idempotency-Key, and how often each request came in.
"""

import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAID = 200


def settings(url: str, **changes: Any) -> dict[str, Any]:
    """What a teacher at `url` is configured with; its prices make money of a few tokens."""
    sizes = {"max_tokens": 50, "max_tokens_field": "max_tokens", "pictures": 0, "picture_tokens": 100}
    prices = {"money_per_million_in": 10.0, "money_per_million_out": 40.0}
    sampling = {"temperature": 0.5, "format": "json_schema", "timeout_s": 60.0, "extra": {}}
    return {"name": "openai_api", "model": "m", "url": url, "key_env": "", **sizes, **prices, **sampling, **changes}


def proxies(environment: Mapping[str, str]) -> list[str]:
    """The variables that would send requests for loopback somewhere else."""
    return [name for name in environment if name.lower().endswith("_proxy")]


@dataclass
class Manners:
    """How the server behaves: `faults` of an item are acted out one per attempt, then it replies."""

    faults: dict[str, deque[str]] = field(default_factory=dict)
    reply: Callable[[str], str] = lambda text: json.dumps({"said": text.upper()})
    delay_s: float = 0.0
    tokens_out: int = 10
    constant_id: bool = False


@dataclass
class Books:
    """What came in and what was charged."""

    seen: Counter[str] = field(default_factory=Counter)  # attempts per item
    at_s: dict[str, list[float]] = field(default_factory=dict)  # when they came
    charged: Counter[str] = field(default_factory=Counter)  # per Idempotency-Key
    delivered: list[str] = field(default_factory=list)  # items whose reply was wholly sent
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0


class LoopbackTeacher(ThreadingHTTPServer):
    """The server; `url` is what a teacher's settings take."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, manners: Manners) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manners, self.books, self.lock, self.at_once = manners, Books(), threading.Lock(), 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def serving(manners: Manners) -> Iterator[LoopbackTeacher]:
    """A server that is stopped when the context ends."""
    server = LoopbackTeacher(manners)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackTeacher
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        item = body["messages"][1]["content"]
        item = item if isinstance(item, str) else item[0]["text"]
        books, manners = self.server.books, self.server.manners
        with self.server.lock:
            books.seen[item] += 1
            books.at_s.setdefault(item, []).append(time.monotonic())
            books.headers.append(dict(self.headers))
            books.bodies.append(body)
            faults = manners.faults.get(item)
            fault = faults.popleft() if faults else ""
            self.server.at_once += 1
            books.most_at_once = max(books.most_at_once, self.server.at_once)
        try:
            time.sleep(manners.delay_s)
            getattr(self, f"_{fault or 'reply'}")(item)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def _reply(self, item: str, content: str | None = None, **changes: Any) -> None:
        books, spoken = self.server.books, self.server.manners.tokens_out
        key = self.headers["Idempotency-Key"]
        with self.server.lock:
            books.charged[key] += 0 if books.charged[key] else 1  # as OpenAI's API charges a repeated key
        message = {"role": "assistant", "content": self.server.manners.reply(item) if content is None else content}
        completion = {
            "id": "chatcmpl-1" if self.server.manners.constant_id else f"chatcmpl-{key[:24]}",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message | changes.pop("message", {}), "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": spoken, "total_tokens": 20 + spoken},
        }
        self._send(PAID, json.dumps(completion | changes).encode())
        with self.server.lock:
            books.delivered.append(item)

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _busy(self, item: str) -> None:
        self._send(429, b'{"error": {"message": "slow down"}}', Retry_After="0.3")

    def _busy_until(self, item: str) -> None:
        self._send(429, b'{"error": {"message": "slow down"}}', Retry_After=formatdate(time.time() + 1, usegmt=True))

    def _busy_for_an_hour(self, item: str) -> None:
        self._send(429, b'{"error": {"message": "slow down"}}', Retry_After="3600")

    def _no_credit(self, item: str) -> None:
        self._send(429, b'{"error": {"code": "insufficient_quota"}}')

    def _broken(self, item: str) -> None:
        self._send(500, f"internal error, saw {self.headers['Authorization']}".encode())

    def _unknown_key(self, item: str) -> None:
        self._send(401, json.dumps({"error": f"incorrect key: {self.headers['Authorization']}"}).encode())

    def _too_long(self, item: str) -> None:
        self._send(400, json.dumps({"error": f"context too long for {self.headers['Authorization']}"}).encode())

    def _elsewhere(self, item: str) -> None:
        self._send(307, b"", Location="http://127.0.0.1:9/v1/chat/completions")

    def _slow(self, item: str) -> None:
        time.sleep(1.5)
        self._reply(item)

    def _dripping(self, item: str) -> None:
        """A byte now and then keeps every read alive and never ends."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.05)

    def _endless(self, item: str) -> None:
        self._send(200, b" " * 5_000_000)

    def _cut(self, item: str) -> None:
        """Half a reply, then a reset."""
        self.send_response(200)
        self.send_header("Content-Length", "500")
        self.end_headers()
        self.wfile.write(b'{"id": "chatcmpl-1", "choices": [{"mess')
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _garbage(self, item: str) -> None:
        self._send(200, b"<html>gateway</html>")

    def _no_choices(self, item: str) -> None:
        self._send(200, b'{"id": "x", "choices": []}')

    def _prose(self, item: str) -> None:
        self._reply(item, content="Sure! Here is what you asked for.")

    def _wrong_schema(self, item: str) -> None:
        self._reply(item, content='{"uttered": 3}')

    def _brackets(self, item: str) -> None:
        self._reply(item, content="[" * 1_000_000)

    def _fenced(self, item: str) -> None:
        self._reply(item, content=f"```json\n{self.server.manners.reply(item)}\n```")

    def _refusal(self, item: str) -> None:
        self._reply(item, message={"content": None, "refusal": "I cannot help with that."})

    def _filtered(self, item: str) -> None:
        self._reply(item, choices=[{"message": {"content": None}, "finish_reason": "content_filter"}])

    def _same_id(self, item: str) -> None:
        self._reply(item, id="chatcmpl-of-somebody-else")

    def _talkative(self, item: str) -> None:
        """Quotes the key in what it says."""
        said = f"{item} for {self.headers['Authorization']}"
        self._reply(item, content=json.dumps({"said": said}))

    def _silent_on_usage(self, item: str) -> None:
        self._reply(item, usage=None)
