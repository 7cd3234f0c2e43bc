"""In audit mode everything is planned and told, and nothing is written, whichever way the app comes to a cache."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local import fleet
from local.azure.seeds import CacheSeed
from local.azurite import Azurite
from local.stage import eventually
from tests.system.scene import OPEN, Scene, playing, scene, with_rules

pytestmark = [pytest.mark.emulator_only, pytest.mark.asyncio(loop_scope="module")]

ENROLLED = {"drawbridge": "private"}
NAMES = ("told", "asked", "swept", "bereft", "opened", "again")


def id_of(name: str) -> str:
    return fleet.cache_id(name, "rg-audited")


def policy(whole: str) -> str:
    """Give a policy in which one group is audited and another enforced, whatever the mode of the whole."""
    audited = "{match: {resourceGroups: [rg-audited]}, mode: audit}"
    enforced = "{match: {resourceGroups: [rg-enforced]}, mode: enforce}"
    return with_rules(fleet.policy(mode=whole), enforced if whole == "audit" else audited)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["audit", "enforce"])
async def audited(azurite: Azurite, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a stage where audit mode is the policy's, or that of the first rule that matches."""
    caches = [CacheSeed(fleet.APPS, "rg-audited", name) for name in NAMES]
    enforced = CacheSeed(fleet.APPS, "rg-enforced", "enforced")
    async with scene(playing(azurite, *caches, enforced, policy=policy(request.param))) as at:
        for name in ("bereft", "opened"):
            await at.until_working(at.endpoint_by_hand(id_of(name), f"pe-of-{name}", fleet.subnet_id("weu")))
        yield at


async def until_told(at: Scene, name: str, words: str) -> None:
    """Wait until the verdict says that only audit mode keeps the app from doing this."""

    async def said() -> bool:
        return await at.stage.verdict(id_of(name)) == "AuditOnly" and words in await at.message(id_of(name))

    await eventually(said, 20, f"{name} to be told: {words}", lambda: at.message(id_of(name)))


async def test_an_event_leads_to_words_only(audited: Scene) -> None:
    audited.tag(id_of("told"), ENROLLED)

    await until_told(audited, "told", "would now make endpoint pe-told-")
    assert audited.writes(id_of("told")) == []
    assert audited.endpoints(id_of("told")) == []


async def test_a_request_leads_to_words_only_and_the_caller_hears_them(audited: Scene) -> None:
    url = f"caches/{fleet.APPS}/rg-audited/asked/endpoints/weu-prod"
    await audited.stage.call("PUT", url)

    await until_told(audited, "asked", "would now make endpoint pe-asked-")
    status, answer = await audited.stage.call("GET", url)
    assert (status, answer["verdict"]) == (409, "AuditOnly")
    assert "would now make endpoint" in answer["message"]
    assert audited.writes(id_of("asked")) == []


async def test_a_sweep_leads_to_words_only(audited: Scene) -> None:
    audited.wear(id_of("swept"), ENROLLED)
    await audited.swept()

    await until_told(audited, "swept", "would now make endpoint pe-swept-")
    assert audited.writes(id_of("swept")) == []


async def test_a_loss_of_protection_leads_to_words_only(audited: Scene) -> None:
    cache = id_of("bereft")
    audited.tag(cache, ENROLLED)
    await until_told(audited, "bereft", "would now write zone group")
    audited.lose_endpoint(cache)

    await until_told(audited, "bereft", "set public network access to Disabled, as the last approved endpoint is gone")
    assert audited.writes(cache) == []
    assert audited.all_writes() == [e for e in audited.all_writes() if "enforced" in e.resource]


async def test_a_door_that_is_opened_by_hand_stays_open(audited: Scene) -> None:
    cache = id_of("opened")
    audited.tag(cache, ENROLLED)
    audited.update(cache, OPEN)
    await audited.stage.azure.until(lambda world: world.cache(cache).public == "Enabled")
    await audited.swept()

    await until_told(audited, "opened", "set public network access to Disabled")
    assert audited.writes(cache) == []
    assert audited.cache(cache).public == "Enabled"


async def test_looking_again_and_again_still_writes_nothing(audited: Scene) -> None:
    cache = id_of("again")
    audited.tag(cache, ENROLLED)
    await until_told(audited, "again", "make endpoint")
    for number in range(3):
        audited.tag(cache, {"touched": str(number)})
        await audited.swept()

    await eventually(lambda: _at_rest(audited), 30, "the queues to be empty", audited.waiting)
    assert audited.writes(cache) == []


async def _at_rest(at: Scene) -> bool:
    return await at.waiting() == 0


async def test_what_the_policy_enforces_beside_it_is_enforced(audited: Scene) -> None:
    cache = fleet.cache_id("enforced", "rg-enforced")
    audited.tag(cache, ENROLLED)

    await audited.until_private(cache)
    assert audited.story(cache) == ["PUT endpoint", "PUT zone group"]


async def test_audit_mode_announces_nothing_as_done(audited: Scene) -> None:
    events = [e for e in audited.stage.azure.topic.events if "/rg-audited/" in e["subject"].lower()]

    assert [e["data"]["done"] for e in events if e["data"]["done"]] == []
