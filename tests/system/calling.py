"""Calls of the API from outside, as a pipeline makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from local import fleet
from local.stage import eventually
from tests.system.scene import Scene


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> tuple[str, str]:
        """The code and the words of an error in Azure Resource Manager's shape, which has nothing beside them."""
        assert set(self.body) == {"error"}
        assert set(self.body["error"]) <= {"code", "message", "target", "details"}
        return self.body["error"]["code"], self.body["error"]["message"]


@dataclass(frozen=True)
class Pipeline:
    """A caller of the API, and the scene it calls into."""

    at: Scene
    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Call; ``key`` "" sends none."""
        given = self.at.stage.app.function_key if key is None else key
        headers = {**({"x-functions-key": given} if given else {}), **(headers or {})}
        url = f"{self.at.stage.app.url}/api/{path}"
        async with self.session.request(method, url, data=body, headers=headers) as answer:
            text = await answer.text()
            shown = await answer.json() if text and "json" in answer.content_type else None
            return Reply(answer.status, answer.headers, shown)


def path(name: str, group: str = "rg-shop", subscription: str = fleet.APPS) -> str:
    return f"caches/{subscription}/{group}/{name}"


async def at_rest(pipeline: Pipeline) -> int:
    """Wait until the app has nothing more to do, and mark this moment."""
    await eventually(lambda: _drained(pipeline), 20, "the queues to be empty", pipeline.at.waiting)
    return pipeline.at.now


async def _drained(pipeline: Pipeline) -> bool:
    return await pipeline.at.waiting() == 0
