"""A CONNECT proxy for clients that know Azure by its own names only: those names lead to the stand-in.

A client keeps its own code, its own URLs and its own TLS; what it has to be told is a proxy and a CA, as behind
any company's proxy. Every other name is refused, so that nothing leaves the machine by mistake.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

NAMES = frozenset({"management.azure.com", "login.microsoftonline.com"})
_LONGEST_HEAD = 16 * 1024
_CHUNK = 64 * 1024


@dataclass(slots=True)
class ConnectProxy:
    """``target`` is where the stand-in listens; ``refused`` holds what was asked for and not given."""

    target: tuple[str, int]
    refused: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=_LONGEST_HEAD)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and end what is open."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection is always served by a task
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # The client went away or never spoke HTTP: there is nobody left to answer.
            return
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, _, rest = head.partition(" ")
        asked = rest.partition(" ")[0]
        if method != "CONNECT" or not self._leads_here(asked):
            self.refused.append(f"{method} {asked}")
            known = ", ".join(sorted(NAMES))
            text = f"This proxy leads to the stand-in for Azure only ({known}), not to {asked}.\n"
            writer.write(f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
            await writer.drain()
            return
        there, back = await asyncio.open_connection(*self.target)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pour(reader, back), _pour(there, writer))
        finally:
            back.close()

    def _leads_here(self, asked: str) -> bool:
        host, _, port = asked.rpartition(":")
        return (host.lower() in NAMES and port == "443") or (
            host in {"localhost", "127.0.0.1"} and port == str(self.target[1])
        )


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        into.write(chunk)
        await into.drain()
    if into.can_write_eof():
        into.write_eof()
