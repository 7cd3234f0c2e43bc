"""What runs on a laptop subscribes to events as the templates do."""

from __future__ import annotations

import re

from local import deployed, up
from local.azure.storageaccount import StorageAccount
from tests.unit.infra.bicep import INFRA, read

ACCOUNT = StorageAccount("account", "key", "https://queues.example", "https://blobs.example")


def test_the_queue_and_the_container_are_those_of_the_template() -> None:
    properties = read(INFRA / "events" / "subscription.bicep").named("toQueue").value["properties"]
    queue = deployed.queue(ACCOUNT)
    letters = deployed.subscribed(queue, "eventgrid", ACCOUNT).dead_letters

    assert properties["deliveryWithResourceIdentity"]["destination"]["properties"]["queueName"] == queue.name
    kept = properties["deadLetterWithResourceIdentity"]["deadLetterDestination"]["properties"]
    assert letters
    assert kept["blobContainerName"] == letters.name


def test_up_plays_the_ways_in_that_the_template_offers() -> None:
    main = read(INFRA / "main.bicep")
    (allowed,) = re.findall(r"@allowed\(\[(.*?)\]\)", main.named("inbound").decorators)
    (delivery,) = [each.value for each in main.of("output") if each.name == "EVENT_DELIVERY"]
    closed, otherwise = re.fullmatch(r"inbound == 'closed' \? '(\w+)' : '(\w+)'", delivery).groups()  # type: ignore[union-attr]

    assert set(re.findall(r"'(\w+)'", allowed)) == set(up.DELIVERIES)
    assert {"restricted": otherwise, "closed": closed} == up.DELIVERIES
