"""A real browser takes the page as it leaves the app, policy and all: what jsdom does not hold a page to."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from aiohttp import web

from shared.dashboard import page

ANSWERS = Path(__file__).parent / "answers"
NAMES = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"),
)


def answer(path: str, query: str) -> str:
    """Choose what was recorded for a call."""
    match path.removeprefix("/api/").split("/"):
        case ["caches"]:
            return "counts" if "counts" in query else "exempt" if "Exempt" in query else "blocked"
        case ["sweeps", _]:
            return "sweep"
        case parts:
            return parts[0]


async def serve(request: web.Request) -> web.Response:
    if request.path == "/api/dashboard":
        return web.Response(text=page().text, content_type="text/html", headers=page().headers)
    told = json.loads((ANSWERS / f"{answer(request.path, request.query_string)}.json").read_text("utf-8"))
    return web.json_response(told["body"], status=told["status"])


async def test_a_browser_runs_the_page_under_its_own_policy_and_complains_of_nothing(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser is here: none of {', '.join(NAMES)}")
    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/dashboard"
    running = await asyncio.create_subprocess_exec(
        browser, *OPTIONS, f"--user-data-dir={tmp_path}", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    shown, said = (text.decode() for text in await running.communicate())
    await runner.cleanup()

    complaints = [line for line in said.splitlines() if "CONSOLE" in line]
    assert complaints == []
    assert "3 caches shown." in shown
    assert "Audit mode: Drawbridge would change 1 cache" in shown
