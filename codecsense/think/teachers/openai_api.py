"""Any endpoint that speaks OpenAI's chat completions [1]: vLLM, Gemini's and OpenAI's own among them.

The key is read from the environment when the connection is opened, travels in one header, and is struck out of
everything the endpoint says, before anyone else sees it. Each request carries its name as `Idempotency-Key`, so
an endpoint that honours it does not charge twice for a reply that was on its way when we were killed.

References:
    [1] OpenAI API reference, "Create chat completion". [2] RFC 9110, section 10.2.3: Retry-After.
"""

import asyncio
import base64
import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError, field_validator

from codecsense.think.teachers import (
    Cost,
    Delivery,
    FinalError,
    Known,
    MisconfiguredError,
    PassingError,
    Request,
    Teacher,
    TeacherConfig,
)

if TYPE_CHECKING:
    import httpx

PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
MISCONFIGURED = {401, 402, 403, 404}
LARGEST_REPLY_BYTES = 4_000_000
SAID = 200


class Settings(TeacherConfig):
    """Where it is, what it is called there, and what it charges."""

    name: Literal["openai_api"]
    url: str  # up to and without /chat/completions
    key_env: str  # the environment variable that holds the key; empty where none is needed
    temperature: NonNegativeFloat
    max_tokens: PositiveInt
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"]
    format: Literal["json_schema", "json_object", "none"]
    pictures: int = Field(ge=0)  # of a video
    picture_tokens: PositiveInt  # one picture counts at most
    money_per_million_in: NonNegativeFloat
    money_per_million_out: NonNegativeFloat
    timeout_s: PositiveFloat
    extra: dict[str, Any]  # further fields of the request, such as {reasoning_effort: low}

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must begin with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("url must hold neither a user nor a query; a key belongs into the variable of `key_env`")
        return url.rstrip("/")

    def build(self, known: Known) -> "OpenAITeacher":
        """The teacher at this address."""
        return OpenAITeacher(self)


class OpenAITeacher(Teacher):
    """A teacher behind HTTP."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.model, self.num_pictures = settings, settings.model, settings.pictures

    def body(self, request: Request) -> dict[str, Any]:
        settings = self.settings
        content: list[dict[str, Any]] = [{"type": "text", "text": request.text}]
        for picture in request.pictures:
            url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
            content.append({"type": "image_url", "image_url": {"url": url}})
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": content if request.pictures else request.text},
            ],
            "temperature": settings.temperature,
            "seed": request.seed,
            settings.max_tokens_field: settings.max_tokens,
        }
        if settings.format == "json_schema":
            wanted = {"name": request.step, "schema": dict(request.shape)}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif settings.format == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body | settings.extra

    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        settings = self.settings
        money = tokens_in * settings.money_per_million_in + tokens_out * settings.money_per_million_out
        return Cost(tokens_in + tokens_out, money / 1e6)

    def worst(self, body: Mapping[str, Any]) -> Cost:
        """No tokenizer makes more tokens of a text than it has bytes."""
        system, user = (message["content"] for message in body["messages"])
        texts = [system, user if isinstance(user, str) else user[0]["text"]]
        num_pictures = 0 if isinstance(user, str) else len(user) - 1
        tokens_in = sum(len(text.encode()) for text in texts) + num_pictures * self.settings.picture_tokens
        return self.cost(tokens_in, self.settings.max_tokens)

    def line(self) -> AbstractAsyncContextManager["HTTPLine"]:
        return _connect(self)


@asynccontextmanager
async def _connect(teacher: OpenAITeacher) -> AsyncIterator["HTTPLine"]:
    try:
        import httpx
    except ImportError:
        raise MisconfiguredError(
            "teachers behind HTTP need the extra `think`: pip install 'codecsense[think]'"
        ) from None
    key = _key(teacher.settings.key_env)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    pool = httpx.Limits(max_connections=None)  # the desk bounds what is under way
    timeout_s, trusted = teacher.settings.timeout_s, _trusted()
    async with httpx.AsyncClient(headers=headers, timeout=timeout_s, limits=pool, verify=trusted) as client:
        yield HTTPLine(client, teacher, key)


@cache
def _trusted() -> ssl.SSLContext:
    """The usual certificates, read once: it takes a fifth of a second."""
    import httpx

    return httpx.create_ssl_context()


def _key(variable: str) -> str:
    """The key; what is wrong with it is said without showing it."""
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise MisconfiguredError(f"the environment variable {variable}, named by `key_env`, is not set")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise MisconfiguredError(f"the environment variable {variable} holds something that cannot be a key")
    return key


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Completion(BaseModel):
    """What we read of a chat completion [1]."""

    id: str | None = None
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class HTTPLine:
    """An open connection to one endpoint."""

    def __init__(self, client: "httpx.AsyncClient", teacher: OpenAITeacher, key: str) -> None:
        self.client, self.teacher, self.key = client, teacher, key

    async def send(self, body: Mapping[str, Any], key: str) -> Delivery:
        """One attempt at `body`."""
        import httpx

        limit_s = self.teacher.settings.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                status, headers, content = await self._post(body, key)
        except TimeoutError:
            raise PassingError(f"no whole reply within {limit_s:g} s", may_be_paid=True) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise PassingError(f"cannot be reached: {self._clean(str(error))}", may_be_paid=False) from None
        except httpx.HTTPError as error:
            told = f"{type(error).__name__}: {self._clean(str(error))}"
            raise PassingError(f"the connection broke ({told})", may_be_paid=True) from None
        if status != 200:
            raise self._refusal_of(status, headers, content)
        return self._delivery(content, body)

    async def _post(self, body: Mapping[str, Any], key: str) -> tuple[int, Mapping[str, str], bytes]:
        url, headers = f"{self.teacher.settings.url}/chat/completions", {"Idempotency-Key": key}
        pieces, size = [], 0
        async with self.client.stream("POST", url, json=body, headers=headers) as response:
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_REPLY_BYTES:
                    raise PassingError(f"the reply is longer than {LARGEST_REPLY_BYTES} bytes", may_be_paid=True)
            return response.status_code, response.headers, b"".join(pieces)

    def _refusal_of(self, status: int, headers: Mapping[str, str], content: bytes) -> Exception:
        said = self._clean(content[:2000].decode("utf-8", "replace"))
        told = f"HTTP {status}: {' '.join(said.split())[:SAID]}"
        if status in MISCONFIGURED or (status == 429 and "insufficient_quota" in said):
            settings = self.teacher.settings
            return MisconfiguredError(f"{settings.url} ({settings.model}, `key_env` {settings.key_env!r}) says {told}")
        if status in PASSING:
            return PassingError(told, wait_s=_wait_s(headers.get("retry-after")), may_be_paid=False)
        return FinalError(told)

    def _delivery(self, content: bytes, body: Mapping[str, Any]) -> Delivery:
        try:
            found = _Completion.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the body"
            told = f"the reply is no chat completion ({place}: {first['msg']})"
            raise PassingError(self._clean(told), may_be_paid=True) from None
        choice = found.choices[0]
        text, refusal = choice.message.content or "", choice.message.refusal or ""
        if choice.finish_reason == "content_filter":
            refusal = refusal or "stopped by the endpoint's content filter"
        if found.usage is None:
            length = self.teacher.worst(body).tokens - self.teacher.settings.max_tokens, len(text.encode())
        else:
            length = found.usage.prompt_tokens, found.usage.completion_tokens
        return Delivery(
            reply_id=self._clean(found.id or ""),
            content=self._clean(text),
            refusal=self._clean(refusal),
            finish=self._clean(choice.finish_reason or ""),
            tokens_in=length[0],
            tokens_out=length[1],
        )

    def _clean(self, text: str) -> str:
        """Endpoints quote keys in their errors; ours never leaves this object, nor does its JSON spelling."""
        for spelling in {self.key, json.dumps(self.key)[1:-1]} - {""}:
            text = text.replace(spelling, "[key]")
        return text


def _wait_s(header: str | None) -> float | None:
    """Seconds until the time that Retry-After names, as a number or as a date [2]; None where it says nothing."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
