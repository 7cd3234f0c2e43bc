"""A server that answers as told and writes down what it was asked: the wire, as Azure would see it."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import trustme
from aiohttp import web
from azure.core.credentials import AccessToken


@dataclass(frozen=True)
class Answer:
    """What to answer; ``text`` goes before ``body``, and ``cut`` closes the connection instead."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    cut: bool = False
    half: bool = False
    """Close the connection in the middle of the body."""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str


class Stub:
    """Answers ``always``, after the answers of ``next`` are used up."""

    def __init__(self) -> None:
        self.always = Answer(404, {"error": {"code": "ResourceNotFound", "message": "not here"}})
        self.next: list[Answer] = []
        self.asked: list[Asked] = []
        self.connections: set[int] = set()
        self.endpoint = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(id(request.transport))
        text = await request.text()
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), text))
        return await self._send(self.next.pop(0) if self.next else self.always, request)

    async def _send(self, answer: Answer, request: web.Request) -> web.StreamResponse:
        if answer.cut and request.transport:
            request.transport.close()
        if answer.half:
            response = web.StreamResponse(status=answer.status, headers={"Content-Length": "1000"})
            response.content_type = "application/json"
            await response.prepare(request)
            await response.write(b'{"error":')
            if request.transport:
                request.transport.close()
            return response
        text = json.dumps(answer.body) if answer.text is None else answer.text
        headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
        return web.Response(status=answer.status, text=text, headers=headers)


class Credential:
    """Gives tokens, or fails as told."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.failure: Exception | None = None
        self.closed = False

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        if self.failure:
            raise self.failure
        self.scopes += scopes
        return AccessToken("secret-token", int(time.time()) + 3600)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Stub, Path]]:
    """Serve a stub over TLS; gives it and the file with its CA."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    stub = Stub()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        stub.endpoint = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield stub, folder / "ca.pem"
    finally:
        await runner.cleanup()
