"""The store as real deployments open it: addresses and a token, over TLS, against Azurite that checks the token."""

import base64
import json
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
import trustme
from azure.core.credentials import AccessToken

from shared.model import Trigger, WakeUp
from shared.store import Store, StoreSettings
from shared.store.errors import StoreDeniedError
from tests.component.store.conftest import cache

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")
AN_HOUR = 3600


@dataclass
class Identity:
    """A managed identity, reduced to what the store asks of one."""

    audience: str = "https://storage.azure.com"
    tokens: int = 0
    closed: bool = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://storage.azure.com/.default",)
        self.tokens += 1
        expires = int(time.time()) + AN_HOUR
        return AccessToken(token(self.audience, expires), expires)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def token(audience: str, expires: int) -> str:
    """Make a token as Microsoft Entra ID's look; nobody here checks its signature."""
    issuer = "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"
    claims = {"aud": audience, "iss": issuer, "iat": 0, "nbf": 0, "exp": expires, "ver": "1.0"}
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a certificate for 127.0.0.1 with its key, and the authority that vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    return folder


@pytest.fixture(scope="module")
def settings(folder: Path) -> Iterator[StoreSettings]:
    secured = ["--oauth", "basic", "--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem")]
    ports = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"]
    quiet = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    process = subprocess.Popen(["node", str(SCRIPT), *secured, *ports, *quiet], stdout=subprocess.PIPE, text=True)
    try:
        yield _settings(process)
    finally:
        process.terminate()
        process.communicate()


def _settings(process: subprocess.Popen[str]) -> StoreSettings:
    found: dict[str, str] = {}
    for line in process.stdout or ():
        if listening := LISTENING.search(line):
            found[listening[1]] = f"{listening[2]}/devstoreaccount1"
        if len(found) == 3:
            return StoreSettings(queue_url=found["Queue"], table_url=found["Table"], blob_url=found["Blob"])
    raise RuntimeError("Azurite ended before it listened")


@pytest.fixture(autouse=True)
def _trusting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A process takes its authorities from SSL_CERT_FILE when aiohttp is imported: too early for a fixture.
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)


async def test_a_store_works_with_an_identity_which_it_asks_for_when_first_used_and_closes(
    settings: StoreSettings,
) -> None:
    made: list[Identity] = []

    def identity() -> Identity:
        made.append(Identity())
        return made[-1]

    store = Store.open(settings, identity)
    assert made == []

    try:
        await store.queue.put(WakeUp(cache(), Trigger.EVENT))
        assert await store.caches.read(cache()) is None
        assert await store.queue.standing("reconcile")
        assert [name async for name in store.dead_letters.names()] == []
    finally:
        await store.close()

    assert len(made) == 1
    assert made[0].tokens >= 1
    assert made[0].closed


async def test_a_token_for_something_else_is_denied(settings: StoreSettings) -> None:
    store = Store.open(settings, lambda: Identity("https://vault.azure.net"))

    try:
        with pytest.raises(StoreDeniedError):
            await store.caches.read(cache())
        with pytest.raises(StoreDeniedError):
            await anext(store.dead_letters.names())
    finally:
        await store.close()
