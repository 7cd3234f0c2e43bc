"""What a client asks before it asks ARM anything: which cloud this is, and who may come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientSecretCredential
from azure.mgmt.redis.aio import RedisManagementClient

from local.azure.callers import PIPELINE, TENANT
from local.azure.emulator import Emulator, EmulatorOptions
from tests.component.azure.fleet import SEED, SUBSCRIPTION

ARM = "https://management.azure.com"


@pytest.fixture
async def proxied() -> AsyncIterator[Emulator]:
    """Run the stand-in with the proxy that leads Azure's own names to it, and pages of one."""
    async with Emulator.start(EmulatorOptions(proxy_port=0, page_size=1)) as emulator:
        emulator.world.seed(SEED)
        yield emulator


def credential(azure: Emulator, secret: str = "") -> ClientSecretCredential:
    return ClientSecretCredential(
        TENANT,
        azure.entra.pipeline.caller.app_id,
        secret or azure.entra.pipeline.secret,
        authority=azure.arm_url,
        disable_instance_discovery=True,
    )


async def get(azure: Emulator, path: str) -> tuple[int, Any]:
    async with azure.trusting_session() as session, session.get(f"{azure.arm_url}{path}") as answer:
        return answer.status, await answer.json()


async def test_a_service_principal_is_known_by_its_secret_and_calls_as_itself(azure: Emulator) -> None:
    async with (
        credential(azure) as pipeline,
        RedisManagementClient(pipeline, SUBSCRIPTION, base_url=azure.arm_url) as redis,
    ):
        assert [cache.name async for cache in redis.redis.list_by_subscription()]
    assert azure.world.journal.count(caller=PIPELINE.object_id).reads == 1


async def test_a_wrong_secret_is_refused_with_entras_number(azure: Emulator) -> None:
    async with credential(azure, "wrong") as pipeline:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await pipeline.get_token(f"{ARM}/.default")


@pytest.mark.parametrize(
    ("form", "number"),
    [
        pytest.param({"grant_type": "password"}, 70003, id="another-grant"),
        pytest.param({"grant_type": "client_credentials", "client_assertion": "jwt"}, 70003, id="an-assertion"),
        pytest.param({"grant_type": "client_credentials", "client_id": "nobody"}, 700016, id="an-unknown-application"),
    ],
)
async def test_what_is_not_emulated_of_entra_id_is_refused(azure: Emulator, form: dict[str, str], number: int) -> None:
    url = f"{azure.arm_url}/{TENANT}/oauth2/v2.0/token"
    async with azure.trusting_session() as session, session.post(url, data=form) as answer:
        assert (await answer.json())["error_codes"] == [number]
        assert answer.status == 400


async def test_a_token_is_not_given_for_nothing_in_particular(azure: Emulator) -> None:
    pipeline = azure.entra.pipeline
    form = {"grant_type": "client_credentials", "client_id": PIPELINE.app_id, "client_secret": pipeline.secret}
    url = f"{azure.arm_url}/{TENANT}/oauth2/v2.0/token"
    async with azure.trusting_session() as session, session.post(url, data=form | {"scope": "openid"}) as answer:
        assert (await answer.json())["error"] == "invalid_scope"


async def test_the_older_token_endpoint_takes_a_resource(azure: Emulator) -> None:
    pipeline = azure.entra.pipeline
    form = {"grant_type": "client_credentials", "client_id": PIPELINE.app_id, "client_secret": pipeline.secret}
    url = f"{azure.arm_url}/{TENANT}/oauth2/token"
    async with azure.trusting_session() as session, session.post(url, data=form | {"resource": ARM}) as answer:
        body = await answer.json()
    assert body["resource"] == ARM
    assert body["expires_on"].isdigit()


async def test_an_authority_describes_itself_by_the_name_it_was_called_by(azure: Emulator) -> None:
    _, of_tenant = await get(azure, f"/{TENANT}/v2.0/.well-known/openid-configuration")
    _, of_any = await get(azure, "/organizations/v2.0/.well-known/openid-configuration")
    assert of_tenant["token_endpoint"] == f"{azure.arm_url}/{TENANT}/oauth2/v2.0/token"
    assert of_any["issuer"] == of_tenant["issuer"]
    status, refused = await get(azure, "/contoso.example/v2.0/.well-known/openid-configuration")
    assert (status, refused["error"]) == (400, "invalid_tenant")
    _, instance = await get(azure, "/common/discovery/instance?api-version=1.1")
    assert instance["tenant_discovery_endpoint"].startswith(azure.arm_url)


@pytest.mark.parametrize(
    ("version", "login"),
    [
        pytest.param("2015-01-01", lambda body: body["authentication"]["loginEndpoint"], id="the-oldest"),
        pytest.param("2019-05-01", lambda body: body[0]["authentication"]["loginEndpoint"], id="a-list"),
        pytest.param("2022-09-01", lambda body: body["authentication"]["loginEndpoint"], id="one-cloud"),
    ],
)
async def test_the_cloud_describes_itself_in_each_form_that_clients_know(
    azure: Emulator,
    version: str,
    login: Any,  # noqa: ANN401 - how each form is read
) -> None:
    status, body = await get(azure, f"/metadata/endpoints?api-version={version}")
    assert (status, login(body)) == (200, azure.arm_url)


async def test_an_unknown_version_of_the_clouds_description_is_refused_aloud(azure: Emulator) -> None:
    status, body = await get(azure, "/metadata/endpoints?api-version=1999-01-01")
    assert (status, body["error"]["code"]) == (501, "NotEmulated")


async def test_azures_own_names_lead_to_the_stand_in_and_so_do_its_links(proxied: Emulator) -> None:
    token, _ = proxied.tokens.issue(PIPELINE, ARM)
    url, found = f"{ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Cache/Redis?api-version=2024-11-01", 0
    async with proxied.trusting_session() as session:
        while url:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(url, proxy=proxied.proxy_url, headers=headers) as answer:
                page = await answer.json()
            found += len(page["value"])
            url = page.get("nextLink", "")
            assert not url or url.startswith(ARM)
    assert found > 1


async def test_the_proxy_leads_nowhere_else(proxied: Emulator) -> None:
    async with proxied.trusting_session() as session:
        for url in ("https://example.com/", "https://management.azure.com:8443/"):
            with pytest.raises(aiohttp.ClientHttpProxyError) as refused:
                await session.get(url, proxy=proxied.proxy_url)
            assert refused.value.status == 403
        async with session.get("http://management.azure.com/", proxy=proxied.proxy_url) as answer:
            assert answer.status == 403
            assert "stand-in for Azure only" in await answer.text()
