"""Stands for Azure behind the program `az`: answers what infra/watch.py asks, from a file, and keeps what it does.

A test puts it on the PATH; FAKE_AZURE names the file. A file ``refuses`` beside it has a part of the calls that fail
for as long as it is there; ``interrupts`` in the file is a part of the calls at which whoever calls is interrupted, and
``lost`` counts the events that come too early to be delivered. It is a script: nothing imports it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

State = dict[str, Any]
FILTER = json.loads((Path(os.environ["FAKE_INFRA"]) / "events" / "filter.json").read_text("utf-8"))


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def parameters(words: list[str]) -> dict[str, str]:
    given = words[words.index("--parameters") + 1 :]
    return dict(one.split("=", 1) for one in given if not one.startswith("--") and "=" in one)


def listed(state: State, path: str, query: dict[str, list[str]]) -> list[Any] | None:
    """Give a list that exists at a path, or None."""
    lowered = path.lower()
    if lowered.endswith("/providers/microsoft.eventgrid/systemtopics"):
        return [one for one in state["topics"] if one["id"].startswith(path.partition("/providers/")[0])]
    if lowered.endswith("/eventsubscriptions"):
        return [one for one in state["subscribed"] if one["id"].startswith(f"{path}/")]
    if lowered.endswith("/roleassignments"):
        scope = path.partition("/providers/Microsoft.Authorization")[0].lower()
        principal = query["$filter"][0].split("'")[1]
        mine = [one for one in state["assignments"] if one["properties"]["principalId"] == principal]
        where = [(one["properties"]["scope"].lower(), one) for one in mine]
        return [one for at, one in where if at.startswith((scope, "/providers/microsoft.management")) or at == "/"]
    if lowered.endswith("/roledefinitions"):
        return [one for one in state["roles"] if one["id"].startswith(path)]
    if lowered.endswith("/descendants"):
        return list(state["descendants"])
    return None


def get(state: State, path: str, query: dict[str, list[str]]) -> Any:  # noqa: ANN401 - JSON
    found = listed(state, path, query)
    if found is not None:
        # Lists come one page for each item, so that who reads them has to turn the pages.
        at = int(query.get("page", ["0"])[0])
        following = f"{path}?page={at + 1}&$filter={query.get('$filter', [''])[0]}" if at + 1 < len(found) else None
        return {"value": found[at : at + 1], "nextLink": following}
    if path.endswith("/metrics"):
        return {"value": [{"timeseries": [{"data": [{"total": float(state["delivered"])}, {}]}]}]}
    if match := re.search(r"/providers/(Microsoft\.\w+)$", path):
        subscription = path.split("/")[2]
        return {"registrationState": state["registered"].get(f"{subscription} {match[1]}", "NotRegistered")}
    return next(one for one in state["roles"] if one["id"].lower() == path.lower())


def rest(state: State, words: list[str]) -> Any:  # noqa: ANN401 - JSON
    method, url = option(words, "--method"), urlsplit(option(words, "--url"))
    path, query = url.path, parse_qs(url.query)
    if method == "get":
        return get(state, path, query)
    if method == "post":
        # Of Azure Resource Graph: one row on a page, too.
        body = json.loads(option(words, "--body"))
        rows = [{"id": one["id"], "subscriptionId": one["id"].split("/")[2]} for one in state["topics"]]
        at = int(body["options"].get("$skipToken", "0"))
        return {"data": rows[at : at + 1]} | ({"$skipToken": str(at + 1)} if at + 1 < len(rows) else {})
    if method == "put":
        state["roles"] = [one for one in state["roles"] if one["id"] != path]
        state["roles"].append({"id": path, **json.loads(option(words, "--body"))})
    if method == "patch":
        lost = state.get("lost", 0)
        state["delivered"] += 0 if lost else state["delivers"]
        state["lost"] = max(0, lost - 1)
    if method == "delete":
        for kind in ("topics", "subscribed", "assignments", "roles"):
            state[kind] = [one for one in state[kind] if one["id"] != path]
    return None


def deploy(state: State, words: list[str]) -> None:
    subscription, given = option(words, "--subscription"), parameters(words)
    if option(words, "--template-file").endswith("at-subscription.bicep"):
        assign(state, f"/subscriptions/{subscription}", given["roleDefinitionId"], given["principalId"])
        return
    name = given.get("existingTopicName", "evgt-drawbridge")
    group = given.get("topicResourceGroup", "rg-drawbridge-events")
    topic = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.EventGrid/systemTopics/{name}"
    if "existingTopicName" not in given:
        tags = json.loads(given["tags"])
        state["groups"].append({"name": group, "subscription": subscription, "tags": tags})
        state["topics"].append(system_topic(topic, subscription, tags))
    storage = given["storageAccountId"]
    principal = next(one["identity"]["principalId"] for one in state["topics"] if one["id"] == topic)
    assign(state, f"{storage}/blobServices/default/containers/dead-letters", "blobs", principal)
    mine = f"{topic}/eventSubscriptions/{given['eventSubscriptionName']}"
    state["subscribed"] = [one for one in state["subscribed"] if one["id"] != mine]
    state["subscribed"].append({"id": mine, "properties": subscribed(given)})


def assign(state: State, scope: str, role: str, principal: str) -> None:
    id_ = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{len(state['assignments'])}"
    properties = {"scope": scope, "roleDefinitionId": role, "principalId": principal}
    state["assignments"].append({"id": id_, "properties": properties})


def system_topic(id_: str, subscription: str, tags: dict[str, str]) -> dict[str, Any]:
    return {
        "id": id_,
        "tags": tags,
        "identity": {"type": "SystemAssigned", "principalId": f"of-{subscription}"},
        "properties": {"source": f"/subscriptions/{subscription}", "topicType": "microsoft.resources.subscriptions"},
    }


def subscribed(given: dict[str, str]) -> dict[str, Any]:
    function = {"resourceId": f"{given['functionAppId']}/functions/on_event", "maxEventsPerBatch": 1}
    queue = {"resourceId": given["storageAccountId"], "queueName": "events"}
    pushed = given["delivery"] == "function"
    letters = {"resourceId": given["storageAccountId"], "blobContainerName": "dead-letters"}
    return {
        "provisioningState": "Succeeded",
        "destination": {"endpointType": "AzureFunction", "properties": function} if pushed else None,
        "deliveryWithResourceIdentity": None if pushed else {"destination": {"properties": queue}},
        "filter": {
            "includedEventTypes": FILTER["eventTypes"],
            "advancedFilters": [
                {"operatorType": "StringIn", "key": "data.operationName", "values": FILTER["operations"]}
            ],
        },
        "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
        "deadLetterWithResourceIdentity": {"deadLetterDestination": {"properties": letters}},
    }


def answer(state: State, words: list[str]) -> Any:  # noqa: ANN401 - JSON
    match words[:2]:
        case ["rest", _]:
            return rest(state, words)
        case ["bicep", "install"]:
            print("Bicep CLI is already installed")
        case ["provider", "register"]:
            state["registered"][f"{option(words, '--subscription')} {option(words, '--namespace')}"] = "Registered"
        case ["deployment", "sub"]:
            deploy(state, words)
        case ["group", "show"]:
            where = option(words, "--name"), option(words, "--subscription")
            return next(one for one in state["groups"] if (one["name"], one["subscription"]) == where)
        case ["group", "delete"]:
            gone = {"name": option(words, "--name"), "subscription": option(words, "--subscription")}
            state["groups"] = [one for one in state["groups"] if not gone.items() <= one.items()]
        case ["resource", "list"]:
            subscription, group = option(words, "--subscription"), option(words, "--resource-group")
            inside = f"/subscriptions/{subscription}/resourceGroups/{group}/"
            return [one for one in state["topics"] if one["id"].startswith(inside)]
        case other:
            sys.exit(f"ERROR: the stand-in knows no az {' '.join(other)}")
    return None


def main(words: list[str]) -> None:
    file = Path(os.environ["FAKE_AZURE"])
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answered(file, words)


def answered(file: Path, words: list[str]) -> None:
    state: State = json.loads(file.read_text("utf-8"))
    state["calls"].append(words)
    refused = next((said for part, said in state["refused"].items() if part in " ".join(words)), None)
    refuses = file.with_name("refuses")
    if refuses.exists() and refuses.read_text("utf-8") in " ".join(words):
        refused = "(DestinationNotFound) not yet"
    if state.get("interrupts") and state["interrupts"] in " ".join(words):
        os.kill(os.getppid(), signal.SIGINT)
    given = None if refused else answer(state, words)
    file.write_text(json.dumps(state), "utf-8")
    if refused:
        sys.exit(f"ERROR: {refused}")
    if given is not None:
        print(json.dumps(given))


main(sys.argv[1:])
