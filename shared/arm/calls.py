"""Every request goes out through one Caller: translated, retried for seconds, held back while Azure is throttling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from shared.arm.clients import Clients
from shared.arm.errors import ArmError, Call, held_back
from shared.arm.retry import Patience

T = TypeVar("T")


class Cooldown(Protocol):
    """Where it is kept, for everybody, how long Azure is to be left alone."""

    async def left(self, subscription: str, provider: str) -> timedelta:
        """Say how long calls are to wait; nothing or less means that they need not."""

    async def begin(self, subscription: str, provider: str, asked: timedelta | None) -> None:
        """Let calls wait: Azure has turned one away, and asked for so long a pause, if it named one."""


class Caller:
    """Makes calls of ARM for the adapters."""

    def __init__(self, clients: Clients, patience: Patience, cooldown: Cooldown | None = None) -> None:
        self.clients = clients
        self._patience = patience
        self._cooldown = cooldown

    async def __call__(self, call: Call, send: Callable[[], Awaitable[T]]) -> T:
        """Make the call, unless Azure has asked to be left alone there; raises ArmError."""
        if self._cooldown and (left := await self._cooldown.left(call.subscription, call.provider)) > timedelta():
            raise held_back(call, left)

        async def once() -> T:
            return await send()

        try:
            return await self._patience(call, once)
        except ArmError as error:
            if error.throttled:
                self.clients.throttled()
                if self._cooldown:
                    await self._cooldown.begin(call.subscription, call.provider, error.after)
            raise

    async def found(self, call: Call, send: Callable[[], Awaitable[T]]) -> T | None:
        """Make the call; None where what it names does not exist."""
        try:
            return await self(call, send)
        except ArmError as error:
            if error.absent:
                return None
            raise

    def check_link(self, link: str | None, path: str) -> None:
        """Raise ValueError for a link that would take our token anywhere but to a path of our own ARM endpoint."""
        if link and not self.clients.settings.leads_here(link, path):
            endpoint = self.clients.settings.endpoint
            raise ValueError(f"the continuation {link[:200]!r} must begin with {endpoint}{path}")

    async def pages(self, call: Call, path: str, parameters: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
        """Read every item of a list of ARM's own, page by page; raises ArmError."""
        items: list[Mapping[str, Any]] = []
        link: str | None = f"{self.clients.settings.endpoint}{path}"
        asked = parameters
        while link:
            body = await self(call, _getting(self, link, asked))
            items += body.get("value") or ()
            link, asked = body.get("nextLink") or None, {}
            self.check_link(link, path)
        return tuple(items)

    async def page(self, call: Call, path: str, version: str, continuation: str | None) -> Mapping[str, Any]:
        """Read one page of a list, the first or where a continuation leads, as it came; raises ArmError.

        Not through the SDK: its models of a page that nobody looks at cost ten times what reading the page does.
        Raises ValueError for a continuation that does not lead to the list's provider at our own ARM endpoint.
        """
        self.check_link(continuation, path.rpartition("/")[0])
        url = continuation or f"{self.clients.settings.endpoint}{path}"
        return await self(call, _getting(self, url, {} if continuation else {"api-version": version}))

    async def get(self, url: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """Send one GET with the SDK's pipeline and none of its packages."""
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        response = await self.clients.plain().send_request(HttpRequest("GET", url, params=dict(parameters)))
        if response.status_code != 200:  # noqa: PLR2004 - HTTP's own number
            raise HttpResponseError(response=response)
        body = response.json()
        return body if isinstance(body, dict) else {}


def _getting(caller: Caller, url: str, parameters: Mapping[str, str]) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    return lambda: caller.get(url, parameters)
