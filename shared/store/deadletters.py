"""The container that Event Grid writes undeliverable events to: listed, read and emptied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from shared.store.account import Account
from shared.store.errors import store_errors

if TYPE_CHECKING:
    from azure.core.rest import AsyncHttpResponse

CONTAINER = "dead-letters"
_PAGE = "500"
_READ, _ACCEPTED, _NOT_THERE = 200, 202, 404


class DeadLetters:
    """The container ``dead-letters``; where there is none, nothing is dead."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def names(self) -> AsyncIterator[str]:
        """Give the name of every letter, page by page."""
        marker: str | None = ""
        while marker is not None:
            page = await self._page(marker)
            for name in page.iter("Name"):
                yield name.text or ""
            marker = page.findtext("NextMarker") or None

    async def read(self, name: str) -> bytes | None:
        """Read one letter; None where somebody else has deleted it."""
        answer = await self._call("GET", _path(name), _READ)
        return answer.content if answer and answer.status_code == _READ else None

    async def delete(self, name: str) -> None:
        """Remove one letter, if it is there."""
        await self._call("DELETE", _path(name), _ACCEPTED)

    async def _page(self, marker: str) -> ET.Element:
        asked = {"restype": "container", "comp": "list", "maxresults": _PAGE, "marker": marker}
        answer = await self._call("GET", CONTAINER, _READ, **asked)
        there = answer is not None and answer.status_code == _READ
        return ET.fromstring(answer.content) if answer and there else ET.Element("None")  # noqa: S314 - storage's own answer

    async def _call(self, method: str, path: str, expected: int, **asked: str) -> AsyncHttpResponse | None:
        blobs = self._account.blobs()
        if blobs is None:
            return None
        async with store_errors(f"{method} of {path}"):
            return await blobs.call(method, path, (expected, _NOT_THERE), **asked)


def _path(name: str) -> str:
    return f"{CONTAINER}/{quote(name)}"
