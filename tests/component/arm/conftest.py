from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tenacity import wait_none

from shared.arm import Arm, ArmSettings, Patience
from tests.component.arm.stub import Credential, Stub, serving


@pytest.fixture
async def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stub]:
    async with serving(tmp_path) as (server, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        yield server


@pytest.fixture
def credential() -> Credential:
    return Credential()


@pytest.fixture
async def arm(stub: Stub, credential: Credential) -> AsyncIterator[Arm]:
    """Give the product's own Arm; only the waits between its attempts are left out."""
    arm = Arm(ArmSettings(stub.endpoint), credential=credential, patience=Patience(wait_none()))
    yield arm
    await arm.close()
