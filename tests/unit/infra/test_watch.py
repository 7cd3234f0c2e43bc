"""Bringing subscriptions under Drawbridge: the decisions as tables, and the whole command before a stand-in for az."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import watch
from tests.unit.infra.bicep import INFRA
from watch import App, Manner, Seen, Shipped, Step, Subscribed, Topic

ONE, OTHER = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
THIRD = "33333333-2222-3333-4444-555555555555"
HOME = "/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/rg-drawbridge/providers"
APP = App(
    f"{HOME}/Microsoft.Web/sites/func-drawbridge-abc",
    f"{HOME}/Microsoft.Storage/storageAccounts/stdbabc",
    "aaaaaaaa-2222-3333-4444-555555555555",
    "function",
    "westeurope",
    "drawbridge",
)
DATA = Shipped(
    frozenset({"written"}),
    frozenset({"microsoft.cache/redis/write"}),
    {"maxDeliveryAttempts": 7},
    "Drawbridge caches",
    "…",
    ("a/read",),
)
TOPIC = f"/subscriptions/{ONE}/resourceGroups/events/providers/Microsoft.EventGrid/systemTopics/all"
OURS = Subscribed(f"{TOPIC}/eventSubscriptions/drawbridge", APP.destination)
THEIRS = Subscribed(f"{TOPIC}/eventSubscriptions/audit", "https://audit")
ADOPTED = Topic(TOPIC, "principal", ours=False, subscribed=(THEIRS, OURS))
MADE = Topic(TOPIC, "principal", ours=True, subscribed=(OURS,))
SETTLED = Seen(ONE, topic=ADOPTED)


def told(steps: list[Step]) -> list[str]:
    """Put steps into words: `name: ` and what az is to do, what is so already, or what is in the way."""
    said = (command(step) or step.problem or step.result for step in steps)
    return [f"{step.name}: {text.partition(': ')[0]}" for step, text in zip(steps, said, strict=True)]


def command(step: Step) -> str:
    words = list(step.command)
    if "--template-file" in words:
        path = Path(words[words.index("--template-file") + 1])
        return f"deploys {path.relative_to(INFRA)} {' '.join(words[words.index('--parameters') + 4 :])}".strip()
    if words[:1] == ["rest"]:
        url = words[words.index("--url") + 1].partition("?")[0]
        return f"{words[words.index('--method') + 1]} …/{'/'.join(url.split('/')[-2:])}"
    return " ".join(words[:4]).removesuffix(" --name")


DONE = [
    "provider Microsoft.EventGrid: is registered",
    "provider Microsoft.Cache: is registered",
    "provider Microsoft.Insights: is registered",
    "role for caches: is there",
    "role assignment: is there",
    "events: come through topic all",
]
DEPLOYED = "events: deploys events/main.bicep eventSubscriptionName=drawbridge"
OUTGROWN = "the role that is assigned at management group company is of another version and lacks a/read"
ROLE = watch.own_role_id(ONE, APP).rpartition("/")[2]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        pytest.param(SETTLED, DONE, id="all there"),
        pytest.param(
            replace(SETTLED, unregistered=("Microsoft.Cache",)),
            [DONE[0], "provider Microsoft.Cache: provider register --namespace Microsoft.Cache", *DONE[2:]],
            id="a provider is not registered",
        ),
        pytest.param(
            replace(SETTLED, missing_actions=("a/read",)),
            [*DONE[:3], f"role for caches: put …/roleDefinitions/{ROLE}",
             "role assignment: deploys roles/at-subscription.bicep", DONE[5]],
            id="the role is missing",
        ),
        pytest.param(
            replace(SETTLED, missing_actions=("a/read",), outgrown="company"),
            [*DONE[:3], f"role for caches: {OUTGROWN}", *DONE[4:]],
            id="the role of a management group grants too little by now",
        ),
        pytest.param(
            replace(SETTLED, missing_actions=("a/read",), own_role="role", own_assignments=("one",)),
            [*DONE[:3], f"role for caches: put …/roleDefinitions/{ROLE}", *DONE[4:]],
            id="the own role grants too little by now",
        ),
        pytest.param(
            replace(SETTLED, topic=None),
            [*DONE[:5], f'{DEPLOYED} topicResourceGroup=rg-drawbridge-events tags={{"managed-by":"drawbridge"}}'],
            id="no topic: one is made, with the mark",
        ),
        pytest.param(
            replace(SETTLED, topic=replace(ADOPTED, subscribed=(THEIRS,))),
            [*DONE[:5], f"{DEPLOYED} existingTopicName=all topicResourceGroup=events"],
            id="a topic is there: it is taken",
        ),
        pytest.param(
            replace(SETTLED, topic=replace(MADE, subscribed=(replace(OURS, differs="its filter …"),))),
            [*DONE[:5], f"{DEPLOYED} existingTopicName=all topicResourceGroup=events"],
            id="the event subscription is not as shipped",
        ),
        pytest.param(
            replace(SETTLED, topic=replace(MADE, subscribed=(replace(OURS, destination="https://else"),))),
            [*DONE[:5], "events: the event subscription drawbridge delivers elsewhere (https://else)"],
            id="another deployment has the name",
        ),
        pytest.param(
            replace(SETTLED, topic=replace(MADE, subscribed=(replace(OURS, destination=f"{APP.storage}#events"),))),
            [*DONE[:5], f"{DEPLOYED} existingTopicName=all topicResourceGroup=events"],
            id="the app has got a public address since",
        ),
        pytest.param(
            replace(SETTLED, topic=replace(ADOPTED, principal="", subscribed=())),
            [*DONE[:5], "events: topic all has no system-assigned identity"],
            id="the topic that is there has no identity",
        ),
        pytest.param(
            replace(SETTLED, topic=replace(ADOPTED, principal="", subscribed=(), shared_identities=True)),
            [*DONE[:5], "events: topic all has user-assigned identities and no system-assigned one"],
            id="the topic that is there has identities that others may use",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_made_and_nothing_else(seen: Seen, wanted: list[str]) -> None:
    assert told(watch.plan(seen, APP, DATA, Manner())) == wanted


ABSENT, NO_ROLE = "event subscription: is not there", "role for caches: none was made here"
GONE = "event subscription: delete …/eventSubscriptions/drawbridge"


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        pytest.param(Seen(ONE), [ABSENT, NO_ROLE], id="nothing"),
        pytest.param(
            replace(SETTLED, topic_assignments=("/s/blob",)),
            [GONE, "topic's right to storage: delete …/s/blob",
             "system topic: all stays", NO_ROLE],
            id="the topic was there before",
        ),
        pytest.param(
            Seen(ONE, topic=MADE, group_to_delete="events", own_role="/x/role", own_assignments=("/x/one",)),
            [GONE, "system topic: delete …/systemTopics/all",
             "resource group: group delete --name events", "role assignment: delete …/x/one",
             "role for caches: delete …/x/role"],
            id="all of it was made here",
        ),
        pytest.param(
            Seen(ONE, topic=replace(MADE, subscribed=(OURS, THEIRS)), group_to_delete="events"),
            [GONE, "system topic: all stays",
             NO_ROLE],
            id="others have moved into the topic",
        ),
        pytest.param(
            Seen(ONE, topic=replace(ADOPTED, subscribed=(replace(OURS, destination="https://else"),))),
            [ABSENT, "system topic: all stays", NO_ROLE],
            id="the event subscription is another deployment's",
        ),
    ],
)  # fmt: skip
def test_only_what_was_made_is_taken_back(seen: Seen, wanted: list[str]) -> None:
    assert told(watch.undoing(seen, APP, Manner())) == wanted


@pytest.mark.parametrize(
    ("permission", "granted"),
    [
        ({"actions": ["Microsoft.Cache/redis/read"]}, True),
        ({"actions": ["microsoft.cache/REDIS/read"]}, True),
        ({"actions": ["*"]}, True),
        ({"actions": ["Microsoft.Cache/*/read"]}, True),
        ({"actions": ["*"], "notActions": ["Microsoft.Cache/redis/*"]}, False),
        ({"actions": ["Microsoft.Cache/redis/write"]}, False),
        ({"actions": ["Microsoft.Cache/redis"]}, False),
        ({}, False),
    ],
)
def test_a_permission_grants_what_it_names_and_does_not_take_out(permission: dict[str, Any], granted: bool) -> None:
    assert watch.grants(permission, "Microsoft.Cache/redis/read") == granted


# ── the whole command ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Azure:
    """What the stand-in for az holds, and the command run before it."""

    file: Path
    path: Path

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return found

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.path}", "FAKE_AZURE": str(self.file), "FAKE_INFRA": str(INFRA)}

    def holds(self, **changes: object) -> None:
        self.file.write_text(json.dumps(self.state | changes), "utf-8")

    def run(self, *words: str, **options: str) -> subprocess.CompletedProcess[str]:
        given = {"app-id": APP.id, "storage-id": APP.storage, "principal-id": APP.principal, "location": "westeurope"}
        flags = [word for key, value in (given | options).items() for word in (f"--{key.replace('_', '-')}", value)]
        command = [sys.executable, str(INFRA / "watch.py"), *flags, "--wait", "0", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def written(self) -> list[str]:
        """Name the calls that change something."""
        reads = ("rest --method get", "rest --method post", "group show", "resource list", "bicep")
        return [text for call in self.state["calls"] if not (text := " ".join(call)).startswith(reads)]

    def things(self) -> dict[str, Any]:
        """Give what is in Azure, but for what was asked of it and what it has delivered."""
        return {k: v for k, v in self.state.items() if k not in {"calls", "delivered", "registered", "lost"}}


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    """Give two subscriptions in which nothing is."""
    program = tmp_path / "az"
    # Imported, since Python keeps a module's bytecode and no script's.
    found = f"import sys\nsys.path.insert(0, {str(FAKE.parent)!r})\nimport {FAKE.stem}\n"
    program.write_text(f"#!{sys.executable} -IS\n{found}", "utf-8")
    program.chmod(0o755)
    file = tmp_path / "azure.json"
    empty: dict[str, object] = {"calls": [], "registered": {}, "delivered": 0, "delivers": 1, "refused": {}}
    kinds = ("topics", "subscribed", "assignments", "roles", "groups", "descendants")
    file.write_text(json.dumps(empty | {kind: [] for kind in kinds}), "utf-8")
    return Azure(file, tmp_path)


FAKE = Path(__file__).parent / "fake_az.py"
REGISTERED = {f"{ONE} Microsoft.EventGrid": "Registered"}
ADOPTABLE = {
    "id": TOPIC,
    "tags": {"owner": "audit"},
    "identity": {"type": "SystemAssigned", "principalId": "of-theirs"},
    "properties": {"source": f"/subscriptions/{ONE}", "topicType": "Microsoft.Resources.Subscriptions"},
}


def test_a_subscription_is_brought_in_and_a_second_run_does_nothing(azure: Azure) -> None:
    first = azure.run(ONE)
    state = azure.state

    assert (first.returncode, "an event was delivered" in first.stdout) == (0, True), first.stdout + first.stderr
    assert state["assignments"][0]["properties"]["roleDefinitionId"] == state["roles"][0]["id"]
    assert state["topics"][0]["tags"] == watch.MARK
    before = azure.written()
    second = azure.run(ONE)
    assert (second.returncode, azure.written()) == (0, before), second.stdout


def test_the_role_that_is_made_holds_what_is_shipped_and_reaches_one_subscription(azure: Azure) -> None:
    azure.run(ONE)
    (role,) = azure.state["roles"]
    caches = json.loads((INFRA / "roles" / "caches.json").read_text("utf-8"))

    assert role["properties"]["permissions"][0]["actions"] == [each["action"] for each in caches["actions"]]
    assert role["properties"]["assignableScopes"] == [f"/subscriptions/{ONE}"]


def granted(*actions: str) -> dict[str, object]:
    """Give what is in Azure once a management group has the role for caches, with these actions."""
    scope = "/providers/Microsoft.Management/managementGroups/company"
    role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/caches"
    assigned = {"scope": scope, "roleDefinitionId": role, "principalId": APP.principal}
    defined = {"roleName": f"{watch.shipped().role} main", "permissions": [{"actions": actions, "notActions": []}]}
    return {
        "assignments": [{"id": f"{scope}/1", "properties": assigned}],
        "roles": [{"id": role, "properties": defined}],
    }


def test_what_a_management_group_grants_is_not_granted_again(azure: Azure) -> None:
    azure.holds(**granted(*watch.shipped().actions))

    assert azure.run(ONE).returncode == 0
    assert [call for call in azure.written() if "drawbridge-role" in call or "roledefinitions" in call.lower()] == []


def test_a_role_of_a_management_group_is_mended_there_and_not_in_each_subscription(azure: Azure) -> None:
    first, *others = watch.shipped().actions
    azure.holds(**granted(*others))
    done = azure.run(ONE)

    assert (done.returncode, len(azure.state["roles"]), len(azure.state["assignments"])) == (1, 1, 1), done.stdout
    assert f"management group company is of another version and lacks {first}: run the az deployment mg" in done.stdout


def test_a_topic_that_is_there_is_taken_and_comes_out_of_it_unchanged(azure: Azure) -> None:
    theirs = {"id": f"{TOPIC}/eventSubscriptions/audit", "properties": {"provisioningState": "Succeeded"}}
    azure.holds(topics=[ADOPTABLE], registered=REGISTERED, subscribed=[theirs])
    before = azure.things()

    brought = azure.run(ONE)
    assert (brought.returncode, azure.state["topics"]) == (0, [ADOPTABLE])
    assert "not checked" in brought.stdout
    assert len(azure.state["subscribed"]) == 2
    let_go = azure.run("--undo", ONE)
    assert (let_go.returncode, azure.things()) == (0, before), let_go.stdout


def test_no_command_is_advised_that_might_take_identities_from_a_topic(azure: Azure) -> None:
    theirs = {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/x/theirs": {"principalId": "theirs"}}}
    azure.holds(topics=[ADOPTABLE | {"identity": theirs}], registered=REGISTERED)
    done = azure.run(ONE)

    assert (done.returncode, "have its owner add that beside them" in done.stdout) == (1, True), done.stdout
    assert "az eventgrid" not in done.stdout
    azure.holds(topics=[ADOPTABLE | {"identity": None}])
    assert "az eventgrid system-topic update" in azure.run(ONE).stdout


def test_undo_leaves_nothing_behind_and_can_be_repeated(azure: Azure) -> None:
    before = azure.things()
    azure.run(ONE, OTHER)
    assert azure.things() != before

    assert (azure.run("--undo", ONE, OTHER).returncode, azure.things()) == (0, before)
    calls = azure.written()
    assert (azure.run("--undo", ONE, OTHER).returncode, azure.written()) == (0, calls)


@pytest.mark.parametrize("words", [(), ("--undo",)], ids=["bring in", "let go"])
def test_a_dry_run_says_what_it_would_do_and_writes_nothing(azure: Azure, words: tuple[str, ...]) -> None:
    if words:
        azure.run(ONE)
    before, calls = azure.things(), azure.written()
    done = azure.run("--dry-run", *words, ONE)

    assert (done.returncode, azure.things(), azure.written()) == (3, before, calls)
    assert done.stdout.count("would run: az ") >= 4
    assert "Something is to be done in 1 of 1 subscriptions" in done.stdout


def older(azure: Azure, subscription: str) -> list[dict[str, Any]]:
    """Give the event subscriptions, one of them with the filter of a version before."""
    found: list[dict[str, Any]] = azure.state["subscribed"]
    for one in found:
        if subscription in one["id"]:
            one["properties"]["filter"]["advancedFilters"][0]["values"].pop()
    return found


def test_a_dry_run_tells_what_an_upgrade_or_a_closed_address_has_left_as_it_was(azure: Azure) -> None:
    azure.run("--events-only", ONE)
    settled = azure.run("--dry-run", "--events-only", ONE)
    azure.holds(subscribed=older(azure, ONE))
    upgraded = azure.run("--dry-run", "--events-only", ONE)
    closed = azure.run("--dry-run", "--events-only", ONE, delivery="queue")

    assert [done.returncode for done in (settled, upgraded, closed)] == [0, 3, 3]
    assert "its filter is not that of this version; would run: az deployment" in upgraded.stdout
    assert "it delivers to the function, and the deployment takes events by its queue; would run" in closed.stdout


def test_watched_means_every_subscription_whose_events_come_already(azure: Azure) -> None:
    azure.run("--events-only", ONE, OTHER)
    third = json.loads(json.dumps(ADOPTABLE).replace(ONE, THIRD))
    azure.holds(topics=[third, *azure.state["topics"]])
    done = azure.run("--events-only", "--watched", delivery="queue")

    assert (done.returncode, THIRD in done.stdout) == (0, False), done.stdout
    led = [one["properties"]["deliveryWithResourceIdentity"] is not None for one in azure.state["subscribed"]]
    assert led == [True, True]
    azure.holds(refused={f"{ONE}/providers/Microsoft.EventGrid": "(AuthorizationFailed) not yours"})
    partly = azure.run("--events-only", "--watched", delivery="queue")
    assert (partly.returncode, partly.stdout.count("FAILED")) == (1, 1), partly.stdout
    assert f"{OTHER}  events                        come through" in partly.stdout


def test_one_subscription_that_fails_does_not_stop_the_others_and_is_taken_up_again(azure: Azure) -> None:
    part = f"drawbridge-events-westeurope --subscription {ONE}"
    azure.holds(refused={part: "(RequestDisallowedByPolicy) no topics here"})
    done = azure.run(ONE, OTHER)

    assert done.returncode == 1
    assert "FAILED: ERROR: (RequestDisallowedByPolicy) no topics here" in done.stdout
    assert [one["properties"]["source"][-36:] for one in azure.state["topics"]] == [OTHER]
    azure.holds(refused={})
    calls = len(azure.written())
    assert azure.run(ONE, OTHER).returncode == 0
    assert [call for call in azure.written()[calls:] if call.startswith("deployment")] == [
        call for call in azure.written()[calls:] if part in call
    ]


def test_an_event_that_does_not_come_is_a_failure(azure: Azure) -> None:
    azure.holds(delivers=0)
    done = azure.run(ONE)

    assert (done.returncode, "FAILED: no event was delivered in time" in done.stdout) == (1, True), done.stdout


def test_events_are_waited_for_once_all_subscriptions_have_been_gone_through(azure: Azure) -> None:
    azure.holds(delivers=0)
    done = azure.run(ONE, OTHER)
    calls = [" ".join(call) for call in azure.state["calls"]]

    assert done.stdout.count("FAILED: no event was delivered in time") == 2, done.stdout
    made = max(n for n, call in enumerate(calls) if call.startswith("deployment"))
    assert min(n for n, call in enumerate(calls) if "/metrics?" in call) > made
    told = [line[:36] for line in done.stdout.splitlines() if " check " not in line][1:13]
    assert told in ([ONE] * 6 + [OTHER] * 6, [OTHER] * 6 + [ONE] * 6), "lines of one subscription stand together"


@dataclass
class Hours:
    """Time that passes when somebody waits."""

    at: float = 0.0

    def pass_by(self, seconds: float) -> None:
        self.at += seconds


def waited(azure: Azure, monkeypatch: pytest.MonkeyPatch, patience: float) -> tuple[list[str], float]:
    """Wait for the events of two subscriptions; gives what is told, and how long it took."""
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    caused = [watch.Provoked(one, replace(MADE, id=TOPIC.replace(ONE, one)), datetime.now(UTC)) for one in (ONE, OTHER)]
    hours = Hours()
    clock = watch.Clock(lambda: hours.at, hours.pass_by)
    with ThreadPoolExecutor(2) as pool:
        lines = list(watch.arrivals(caused, APP, patience, pool, clock))
    return [line.result for line in lines], hours.at


def test_an_event_that_azure_took_too_early_is_caused_again(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    told, took = waited(azure, monkeypatch, 300)

    assert (told, took) == (["an event was delivered"] * 2, 75)
    assert len(azure.written()) == 4


def test_all_events_are_waited_for_together_and_no_longer_than_one(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.holds(delivers=0)
    told, took = waited(azure, monkeypatch, 30)

    assert took == 30
    assert [each.partition(" (")[0] for each in told] == ["no event was delivered in time"] * 2


def test_metrics_that_azure_does_not_give_are_no_failure_of_events(azure: Azure) -> None:
    azure.holds(refused={"/metrics?": "(AuthorizationFailed) no metrics"})
    fresh, later = azure.run(ONE), azure.run(ONE)

    for done in (fresh, later):
        assert (done.returncode, "not checked: Azure does not tell how many events" in done.stdout) == (0, True), done
        assert "(AuthorizationFailed) no metrics" in done.stdout


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let what is started be interrupted: a shell that runs the tests in the background has switched that off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_what_was_interrupted_goes_on_with_the_same_command(azure: Azure) -> None:
    azure.holds(interrupts="--method put")
    cut = azure.run("--at-once", "1", ONE, OTHER)
    state = azure.state

    assert (cut.returncode, cut.stderr) == (130, "")
    assert "role for caches               defined" in cut.stdout
    assert "the same command takes it up from there" in cut.stdout
    assert (len(state["roles"]), state["topics"]) == (1, [])
    assert not any(OTHER in " ".join(call) for call in state["calls"])
    azure.holds(interrupts="")
    assert (azure.run(ONE).returncode, len(azure.state["topics"])) == (0, 1)


def test_what_was_delivered_before_says_nothing_about_a_new_event_subscription(azure: Azure) -> None:
    azure.holds(topics=[ADOPTABLE], registered=REGISTERED, delivered=7)

    assert "not checked" in azure.run(ONE).stdout
    assert "events delivered in the last day: 7" in azure.run(ONE).stdout


def test_a_management_group_means_every_subscription_below_it(azure: Azure) -> None:
    group = {"name": "shops", "type": "Microsoft.Management/managementGroups"}
    azure.holds(descendants=[{"name": ONE, "type": "/subscriptions"}, group, {"name": OTHER, "type": "/subscriptions"}])
    done = azure.run(management_group="company")

    assert (done.returncode, len(azure.state["topics"])) == (0, 2), done.stdout


def test_events_go_to_the_queue_where_the_app_has_no_public_address(azure: Azure) -> None:
    assert azure.run(ONE, delivery="queue").returncode == 0
    assert azure.state["subscribed"][0]["properties"]["deliveryWithResourceIdentity"] is not None
    calls = azure.written()
    assert (azure.run(ONE, delivery="queue").returncode, azure.written()) == (0, calls)


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["not-one"], {}, "subscription: 'not-one' is not a GUID"),
        ([], {}, "name subscriptions by their ids"),
        ([ONE], {"app_id": "/subscriptions/x"}, "--app-id: '/subscriptions/x' is not the resource id of a"),
        ([ONE], {"app_id": f"{APP.id} @/etc/passwd"}, "--app-id"),
        ([ONE], {"storage_id": APP.id}, "--storage-id"),
        ([ONE], {"principal_id": "me"}, "--principal-id: 'me' is not a GUID"),
        ([ONE], {"delivery": "mail"}, "--delivery"),
        ([ONE], {"location": "West Europe"}, "--location"),
        ([ONE], {"topic_group": "a/b"}, "--topic-group"),
        ([ONE], {"topic_tags": "owner"}, "--topic-tags: 'owner=' is not of the form"),
        ([ONE], {"topic_tags": "a<b=c"}, "--topic-tags"),
        ([ONE], {"management_group": "a/../b"}, "--management-group"),
    ],
)  # fmt: skip
def test_what_is_not_of_its_form_reaches_no_az(
    azure: Azure, words: list[str], options: dict[str, str], said: str
) -> None:
    done = azure.run(*words, **options)

    assert (done.returncode, said in done.stdout, azure.state["calls"]) == (2, True, []), done.stdout


def test_what_is_made_has_the_tags_and_the_group_that_a_company_asks_for(azure: Azure) -> None:
    azure.run(ONE, topic_tags="owner=platform,costCenter=4 2", topic_group="rg-events-weu")
    tags = {"owner": "platform", "costCenter": "4 2"} | watch.MARK

    assert [(each["name"], each["tags"]) for each in azure.state["groups"]] == [("rg-events-weu", tags)]
    assert azure.state["topics"][0]["tags"] == tags


def test_events_alone_leave_roles_to_the_deployment(azure: Azure) -> None:
    done = azure.run("--events-only", ONE)

    assert (done.returncode, len(azure.state["topics"])) == (0, 1), done.stdout
    assert [call for call in azure.written() if "drawbridge-role" in call or "roledefinitions" in call.lower()] == []
    assert (azure.state["delivered"], "check" in done.stdout) == (0, False)


# ── the hook of azd ──────────────────────────────────────────────────────────────────────────────

HOOKS = [INFRA / "hooks" / name for name in ("postdeploy.sh", "postdeploy.ps1")]
FROM_AZD = {
    "APP_ID": APP.id,
    "STORAGE_ID": APP.storage,
    "APP_PRINCIPAL_ID": APP.principal,
    "EVENT_DELIVERY": "queue",
    "AZURE_LOCATION": "westeurope",
    "AZURE_SUBSCRIPTION_ID": ONE,
}


def hooked(azure: Azure, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the hook as azd does; `sleep` lets what was refused be granted."""
    programs = {"python3": f'exec {sys.executable} "$@"', "sleep": f"rm {azure.path / 'refuses'}"}
    for name, text in programs.items():
        (azure.path / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        (azure.path / name).chmod(0o755)
    known = {"PATH": f"{azure.path}:/usr/bin:/bin", "FAKE_AZURE": str(azure.file), "FAKE_INFRA": str(INFRA)}
    command = [str(HOOKS[0])]
    return subprocess.run(
        command, env=known | FROM_AZD | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_hook_brings_the_events_of_every_watched_subscription_and_undo_takes_them_away(azure: Azure) -> None:
    azure.holds(**granted(*watch.shipped().actions))
    before = azure.things()
    done = hooked(azure, WATCHED_SUBSCRIPTIONS=f"{ONE} {OTHER}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(one["properties"]["source"][-36:] for one in azure.state["topics"]) == [ONE, OTHER]
    assert azure.state["subscribed"][0]["properties"]["deliveryWithResourceIdentity"] is not None
    calls = azure.written()
    again = hooked(azure)
    assert (again.returncode, azure.written(), "./dev watch" in again.stdout) == (0, calls, False)
    assert azure.run("--undo", ONE, OTHER, delivery="queue").returncode == 0
    assert azure.things() == before


def test_the_hook_tells_of_other_subscriptions_that_are_as_before_and_leaves_them(azure: Azure) -> None:
    azure.holds(**granted(*watch.shipped().actions))
    azure.run("--events-only", OTHER, delivery="queue")
    azure.holds(subscribed=older(azure, OTHER))
    before = azure.state["subscribed"]
    done = hooked(azure)

    assert (done.returncode, "Something is to be done in 1 of 2 subscriptions" in done.stdout) == (0, True), done
    assert "./dev watch --watched" in done.stdout
    assert [one for one in azure.state["subscribed"] if OTHER in one["id"]] == before


def test_the_hook_takes_a_topic_that_is_there(azure: Azure) -> None:
    azure.holds(topics=[ADOPTABLE], registered=REGISTERED)

    assert (hooked(azure).returncode, azure.state["topics"]) == (0, [ADOPTABLE])
    assert azure.state["subscribed"][0]["id"].startswith(TOPIC)


def test_the_hook_tries_again_while_a_function_is_not_known_everywhere(azure: Azure) -> None:
    (azure.path / "refuses").write_text("drawbridge-events", "utf-8")
    done = hooked(azure)

    assert (done.returncode, "trying again in a minute (1 of 4)" in done.stderr) == (0, True), done.stdout
    assert "FAILED" in done.stdout


def test_the_hook_says_what_is_missing_and_does_not_wait_for_it(azure: Azure) -> None:
    done = hooked(azure, APP_ID="")

    assert (done.returncode, azure.state["calls"], done.stderr) == (2, [], "")
    assert "--app-id" in done.stdout


def test_both_hooks_do_the_same() -> None:
    given = [re.findall(r"watch\.py\" (--[\w-]+(?: --[\w-]+)*) \$", path.read_text("utf-8")) for path in HOOKS]
    tries = [re.findall(r"tries\"? -ge (\d+)", path.read_text("utf-8")) for path in HOOKS]

    assert given == [["--events-only", "--dry-run --watched"]] * 2
    assert tries == [["5"], ["5"]]


def test_on_windows_what_the_batch_file_starts_is_started(tmp_path: Path) -> None:
    batch = tmp_path / "wbin" / "az.cmd"
    assert watch.started(batch) == (str(batch),)
    (tmp_path / "python.exe").touch()

    assert watch.started(batch) == (str(tmp_path / "python.exe"), "-IBm", "azure.cli")
    assert watch.started(tmp_path / "wbin" / "az") == (str(tmp_path / "wbin" / "az"),)


def test_without_az_it_says_where_to_get_it(azure: Azure) -> None:
    (azure.path / "az").unlink()
    done = azure.run(ONE)

    assert (done.returncode, "there is no `az` on the PATH" in done.stdout) == (1, True)


def test_the_values_of_the_deployment_come_from_the_variables_of_azd(azure: Azure) -> None:
    given = {"APP_ID": APP.id, "STORAGE_ID": APP.storage, "APP_PRINCIPAL_ID": APP.principal, "EVENT_DELIVERY": "queue"}
    environment = {"PATH": str(azure.path), "FAKE_AZURE": str(azure.file), "FAKE_INFRA": str(INFRA)} | given
    command = [sys.executable, str(INFRA / "watch.py"), "--dry-run", ONE]
    environment["AZURE_LOCATION"] = "northeurope"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert (done.returncode, "delivery=queue" in done.stdout, "northeurope" in done.stdout) == (3, True, True)
